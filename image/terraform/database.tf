# Making it takes up to half an hour. Its data would be lost if it were replaced or destroyed, as a change of the region does:
# prevent_destroy refuses that. To remove it with its data, or to replace it, take that line out first.
resource "linode_database_postgresql_v2" "stack" {
  label        = "${var.name}-database"
  engine_id    = "postgresql/17"
  region       = var.region
  type         = var.database_type
  cluster_size = var.database_size
  allow_list   = [var.subnet]

  private_network = {
    vpc_id        = linode_vpc.stack.id
    subnet_id     = linode_vpc_subnet.stack.id
    public_access = false
  }

  # The account's settings are checked first, so that nobody waits for a database that no machine can use.
  depends_on = [data.linode_account_settings.current]

  lifecycle {
    prevent_destroy = true
  }
}

locals {
  database_url = format(
    "postgresql://%s:%s@%s:%d/defaultdb?sslmode=verify-full&sslrootcert={{hcl database_ca_path}}",
    replace(urlencode(linode_database_postgresql_v2.stack.root_username), "+", "%20"),
    replace(urlencode(linode_database_postgresql_v2.stack.root_password), "+", "%20"),
    linode_database_postgresql_v2.stack.host_primary,
    linode_database_postgresql_v2.stack.port,
  )
}
