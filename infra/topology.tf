locals {
  # The code reads the same file, so that stages, queues, patterns and table cannot differ.
  topology = jsondecode(file("${path.module}/../pipeline/core/topology.json"))
}
