"""What the program declares for a stack file, registered with a mock engine: it asks no one."""
