"""AP-S1, AP-S2: evolve, then select."""
