"""AP-F1a to AP-A2: pairs selected by alignment potential."""
