# Values from stack.toml. This file changes with each version of the stack; what you can set is in variables.tf.

locals {
  image_file  = "${path.module}/{{hcl image_file}}"
  image_hash  = "{{image_hash}}"
  image_label = "{{hcl image_label}}"
  port        = {{port}}
  health_path = "{{hcl health_path}}"
}
