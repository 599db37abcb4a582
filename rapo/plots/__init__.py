"""Pictures: estimates in, axes out. One module a topic; nothing here loads, computes, saves or shows."""
