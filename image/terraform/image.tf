# When `stackdeb terraform` finds another image file, a new image is made. The machines that run are not changed by that: see
# web.tf. The file is read when it is uploaded, and not for a plan.
resource "linode_image" "stack" {
  label      = local.image_label
  region     = coalesce(var.image_region, var.region)
  file_path  = local.image_file
  file_hash  = local.image_hash
  cloud_init = true

  lifecycle {
    create_before_destroy = true

    precondition {
      condition     = local.image_hash != ""
      error_message = "There was no image when stackdeb terraform was run. Run stackdeb image, and then stackdeb terraform again."
    }
  }
}
