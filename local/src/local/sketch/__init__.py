"""Stand-ins for the two GPU runtimes: they speak the recorded protocols and paint instead of inferring."""
