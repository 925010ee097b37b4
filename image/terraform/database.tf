# Making it takes up to half an hour. Its data is lost when it is replaced or destroyed; `terraform plan` shows that first.
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
