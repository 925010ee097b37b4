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

# The password of the app's own role. The first machine makes the role and its database: the provider's root user can do
# everything in every database there, and the app never gets its password.
resource "random_password" "database" {
  length  = 40
  special = false
}

locals {
  database_url = format(
    "postgresql://{{hcl name}}:%s@%s:%d/{{hcl database}}?sslmode=verify-full&sslrootcert={{hcl database_ca_path}}",
    random_password.database.result,
    linode_database_postgresql_v2.stack.host_primary,
    linode_database_postgresql_v2.stack.port,
  )

  # For the root of each machine only: with it, {{name}}-database-role.service makes the role and the database.
  database_admin = {
    PGHOST        = linode_database_postgresql_v2.stack.host_primary
    PGPORT        = tostring(linode_database_postgresql_v2.stack.port)
    PGUSER        = linode_database_postgresql_v2.stack.root_username
    PGPASSWORD    = linode_database_postgresql_v2.stack.root_password
    PGDATABASE    = "defaultdb"
    PGSSLMODE     = "verify-full"
    PGSSLROOTCERT = "{{hcl database_ca_path}}"
    ROLE_NAME     = "{{hcl name}}"
    ROLE_PASSWORD = random_password.database.result
    ROLE_DATABASE = "{{hcl database}}"
  }
}
