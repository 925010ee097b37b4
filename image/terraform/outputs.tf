output "url" {
  description = "Where the site answers."
  value       = "http://${linode_nodebalancer.stack.hostname}{{url_port}}/"
}

output "balancer" {
  description = "The balancer's addresses, for your DNS."
  value = {
    hostname = linode_nodebalancer.stack.hostname
    ipv4     = linode_nodebalancer.stack.ipv4
    ipv6     = linode_nodebalancer.stack.ipv6
  }
}

output "instances" {
  description = "The web machines' public addresses, for SSH."
  value       = { for web in linode_instance.web : web.label => tolist(web.ipv4)[0] }
}
{{#if has_database}}

output "database" {
  description = "The database's address, in the private network."
  value       = "${linode_database_postgresql_v2.stack.host_primary}:${linode_database_postgresql_v2.stack.port}"
}
{{/if}}
