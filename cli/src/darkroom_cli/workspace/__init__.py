"""What developers do with the repository: affected artifacts, the graph, releases, new services."""
