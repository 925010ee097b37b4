# When the file changes, a new image is made. The machines that run are not changed by that: see web.tf.
resource "linode_image" "stack" {
  label      = local.image_label
  region     = coalesce(var.image_region, var.region)
  file_path  = local.image_file
  file_hash  = filemd5(local.image_file)
  cloud_init = true

  lifecycle {
    create_before_destroy = true
  }
}
