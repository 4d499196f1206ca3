"""The dispatch stack: from the API to the queues of the runtimes, and where tasks and pictures are kept."""
