"""Start this project's containers: Docker Compose, and Kubernetes."""
