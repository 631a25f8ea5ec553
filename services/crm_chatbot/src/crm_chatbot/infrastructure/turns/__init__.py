"""What turns stand on: the graph, its checkpoints, leases, books and caches."""
