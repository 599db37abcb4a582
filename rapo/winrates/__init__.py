"""Win rates: plain, length-controlled, Bradley-Terry."""
