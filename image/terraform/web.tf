# A machine gets a new image, new keys or new settings only when it is replaced. Replace one after the other, so that they
# are never all down at once: terraform apply -replace='linode_instance.web[0]', then [1] when that machine answers.

locals {
  labels = [for index in range(var.instances) : "${var.name}-web-${index + 1}"]

  # Lines of an environment file (systemd.exec(5), EnvironmentFile=).
  settings    = merge({ SECRET_KEY = random_password.secret_key.result }, var.environment{{#if has_database}}, { DATABASE_URL = local.database_url }{{/if}})
  environment = join("", [for name, value in local.settings : format("%s=\"%s\"\n", name, replace(value, "/[\\\\\"$`]/", "\\$0"))])

  # Each value is JSON, which is valid YAML whatever the value contains.
  user_data = [
    for index in range(var.instances) : templatefile("${path.module}/user-data.yaml.tftpl", {
      hostname    = jsonencode(local.labels[index])
      ssh_keys    = jsonencode(var.ssh_keys)
      environment = jsonencode(local.environment)
      network     = jsonencode(local.networks[index])
{{#if has_database}}
      database_ca = jsonencode(base64decode(linode_database_postgresql_v2.stack.ca_cert))
{{/if}}
    })
  ]
}

# The key that the app signs with. All machines have the same one, because a visitor's next request may reach another.
resource "random_password" "secret_key" {
  length  = 64
  special = false
}

# No two web machines run on the same host.
resource "linode_placement_group" "web" {
  label                = "${var.name}-web"
  region               = var.region
  placement_group_type = "anti_affinity:local"
}

resource "linode_instance" "web" {
  count = var.instances

  label                = local.labels[count.index]
  region               = var.region
  type                 = var.type
  tags                 = ["terraform:${var.name}"]
  firewall_id          = linode_firewall.web.id
  interface_generation = "legacy_config"

  metadata {
    user_data = base64encode(local.user_data[count.index])
  }

  placement_group {
    id = linode_placement_group.web.id
  }

  lifecycle {
    ignore_changes = [metadata]

    precondition {
      condition     = length(base64encode(local.user_data[count.index])) <= 87380
      error_message = "The user data is larger than the 65535 bytes that Linode accepts: there are too many keys or settings."
    }
  }
}

resource "linode_instance_disk" "root" {
  count = var.instances

  linode_id       = linode_instance.web[count.index].id
  label           = "root"
  size            = linode_instance.web[count.index].specs[0].disk - var.swap
  image           = linode_image.stack.id
  authorized_keys = var.ssh_keys

  lifecycle {
    ignore_changes = [image, authorized_keys]
  }
}

resource "linode_instance_disk" "swap" {
  count = var.instances

  linode_id  = linode_instance.web[count.index].id
  label      = "swap"
  size       = var.swap
  filesystem = "swap"
}

resource "linode_instance_config" "web" {
  count = var.instances

  linode_id = linode_instance.web[count.index].id
  label     = "stack"
  booted    = true

  # Boots the image's own kernel, as the image's grub.cfg says.
  kernel      = "linode/grub2"
  root_device = "/dev/sda"

  device {
    device_name = "sda"
    disk_id     = linode_instance_disk.root[count.index].id
  }

  device {
    device_name = "sdb"
    disk_id     = linode_instance_disk.swap[count.index].id
  }

  # The image gets its public address by DHCP, and its private address from the user data.
  helpers {
    network = false
  }

  interface {
    purpose = "public"
    primary = true
  }

  interface {
    purpose   = "vpc"
    subnet_id = linode_vpc_subnet.stack.id

    ipv4 {
      vpc = local.addresses[count.index]
    }
  }
}
