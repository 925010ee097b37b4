# The network cards of the web machines if var.interfaces is "linode". Otherwise they are in linode_instance_config: see web.tf.

# Checked before anything is made: the account decides which interfaces a new machine may have.
data "linode_account_settings" "current" {
  lifecycle {
    postcondition {
      condition     = self.interfaces_for_new_linodes != "linode_only" || var.interfaces == "linode"
      error_message = "This account allows Linode interfaces only: set interfaces = \"linode\"."
    }

    postcondition {
      condition     = self.interfaces_for_new_linodes != "legacy_config_only" || var.interfaces == "legacy_config"
      error_message = "This account allows legacy interfaces only: set interfaces = \"legacy_config\"."
    }
  }
}

resource "linode_interface" "public" {
  count = var.interfaces == "linode" ? var.instances : 0

  linode_id     = linode_instance.web[count.index].id
  firewall_id   = linode_firewall.web.id
  default_route = { ipv4 = true, ipv6 = true }
  public        = {}
}

resource "linode_interface" "private" {
  count = var.interfaces == "linode" ? var.instances : 0

  linode_id   = linode_instance.web[count.index].id
  firewall_id = linode_firewall.web.id

  vpc = {
    subnet_id = linode_vpc_subnet.stack.id
    ipv4      = { addresses = [{ address = local.addresses[count.index] }] }
  }

  # The second card, as in network.tf.
  depends_on = [linode_interface.public]
}
