"""All of Darkroom on one machine (DESIGN section 7): emulator, dispatch stack, runtimes, queue agents."""
