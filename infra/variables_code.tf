# Images, zips and their settings.

variable "images" {
  description = "Container images of the stages, pinned by digest: for Lambda, and for GPU hosts if a stage runs there. Push them first; see README.md."
  type = object({
    lambda = optional(string)
    gpu    = optional(string)
  })
  default = {}

  validation {
    condition = alltrue([
      for image in values(var.images) : image == null || can(regex("@sha256:[0-9a-f]{64}$", image))
    ])
    error_message = "Pin images by digest: REPOSITORY@sha256:… with 64 hexadecimal digits."
  }
}

variable "functions" {
  description = "The code of query, janitor, replays and events: a zip of functions.sh, its architecture and its runtime."
  type = object({
    zip          = string
    runtime      = optional(string, "python3.13")
    architecture = optional(string, "arm64")
  })

  validation {
    condition     = fileexists(var.functions.zip)
    error_message = "The file ${var.functions.zip} is missing: infra/functions.sh builds it."
  }
  validation {
    condition     = contains(["python3.12", "python3.13"], var.functions.runtime)
    error_message = "SnapStart needs python3.12 or newer, and the provider supports none newer than python3.13."
  }
  validation {
    condition     = contains(["arm64", "x86_64"], var.functions.architecture)
    error_message = "Lambda has arm64 and x86_64."
  }
}

variable "snap_start" {
  description = "Start the query API from a snapshot, which shortens its cold starts. Lambda bills the snapshot of each of its versions by the second, also while nobody calls."
  type        = bool
  default     = false
}

variable "models" {
  description = "The models of the stages. Build them into the images: see WEIGHTS in containers/README.md."
  type = object({
    transcribe = optional(string, "base")
    detect     = optional(string, "yolox-s")
  })
  default = {}

  validation {
    condition     = !contains(values(var.models), "auto")
    error_message = "Name the models: auto depends on the weights that a host has, and some functions have none."
  }
}

variable "settings" {
  description = "More environment variables of every function, e.g. VIDEODROP_MAX_DURATION_S or VIDEODROP_PARAMS__DETECT__FPS."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for key in keys(var.settings) : startswith(key, "VIDEODROP_")])
    error_message = "Settings must begin with VIDEODROP_."
  }
}
