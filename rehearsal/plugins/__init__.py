"""Stand-in provider plugins: they speak the engine's own gRPC protocol and behave as the official plugins
do."""
