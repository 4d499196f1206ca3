"""The observability stack: traces, figures, alarms; what the local system's emulator does not know."""
