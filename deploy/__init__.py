"""How containers of this project are started: Docker Compose, and Kubernetes."""
