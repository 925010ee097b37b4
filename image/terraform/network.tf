resource "linode_vpc" "stack" {
  label  = var.name
  region = var.region
}

resource "linode_vpc_subnet" "stack" {
  vpc_id = linode_vpc.stack.id
  label  = var.name
  ipv4   = var.subnet
}

locals {
  # Linode takes addresses from the beginning of the subnet for machines without a fixed address. The fixed addresses are in
  # the second half of the subnet.
  prefix           = tonumber(split("/", var.subnet)[1])
  fixed            = cidrsubnet(var.subnet, 1, 1)
  balancer_network = cidrsubnet(local.fixed, 29 - local.prefix, 0)
  addresses        = [for index in range(var.instances) : cidrhost(local.fixed, 10 + index)]

  # A systemd.network(5) file for the second network card of each web machine. The default route is that of the first card.
  networks = [
    for address in local.addresses : join("\n", [
      "[Match]",
      "Name=eth1",
      "",
      "[Link]",
      "RequiredForOnline=no",
      "",
      "[Network]",
      "Address=${address}/${local.prefix}",
      "LinkLocalAddressing=no",
      "IPv6AcceptRA=no",
      "",
    ])
  ]
}
