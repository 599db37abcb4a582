"""Language models: tiny ones made here, others loaded; sampling from either."""
