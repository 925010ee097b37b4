//! What a firewall lets in, compared with what the stack serves. Linode reads the rules in their order; the first one that
//! fits a connection decides, else the policy.

use std::ops::RangeInclusive;

use crate::linode::api::firewalls::{Firewall, FirewallRule};

/// Who can connect to a port.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Reach {
    Everybody,
    /// The addresses of these networks, each as `ADDRESS/LENGTH`.
    Some(Vec<String>),
    Nobody,
}

/// Whether nobody at all can connect to that TCP port over IPv4.
pub(super) fn closes(firewall: &Firewall, port: u16) -> bool {
    reach(firewall, port, "0.0.0.0/0", |rule| rule.addresses.ipv4.as_deref()) == Reach::Nobody
}

/// How a firewall differs from one that lets everybody connect to exactly these TCP ports: a phrase for each difference.
pub(super) fn differences(firewall: &Firewall, ports: &[u16]) -> Vec<String> {
    let mut found = Vec::new();
    for &port in ports {
        let v4 = reach(firewall, port, "0.0.0.0/0", |rule| rule.addresses.ipv4.as_deref());
        let v6 = reach(firewall, port, "::/0", |rule| rule.addresses.ipv6.as_deref());
        found.extend(match (v4, v6) {
            (Reach::Everybody, Reach::Everybody) => None,
            (Reach::Nobody, Reach::Nobody) => Some(format!("nobody can connect to port {port}")),
            (Reach::Everybody, _) => Some(format!("not everybody can connect to port {port} over IPv6")),
            (_, Reach::Everybody) => Some(format!("not everybody can connect to port {port} over IPv4")),
            (v4, v6) => {
                let networks = [v4, v6].into_iter().flat_map(|reach| match reach {
                    Reach::Some(networks) => networks,
                    Reach::Everybody | Reach::Nobody => Vec::new(),
                });
                Some(format!("only {} can connect to port {port}", networks.collect::<Vec<_>>().join(", ")))
            }
        });
    }
    if firewall.rules.inbound_policy == "ACCEPT" {
        found.push("everything is accepted that no rule names".to_owned());
    }
    for rule in firewall.rules.inbound.iter().filter(|rule| rule.action == "ACCEPT") {
        let served = rule.protocol == "TCP"
            && ranges(rule)
                .is_some_and(|ranges| ranges.iter().all(|range| range.clone().all(|port| ports.contains(&port))));
        if !served && rule.protocol != "ICMP" {
            let ports = rule.ports.as_deref().filter(|ports| !ports.is_empty()).unwrap_or("every port");
            found.push(format!("{} {ports} is accepted too, which the stack does not serve", rule.protocol));
        }
    }
    if firewall.rules.outbound_policy == "DROP" {
        found.push("the instance can connect to nothing that no outbound rule names".to_owned());
    }
    found
}

fn reach<'a>(
    firewall: &'a Firewall,
    port: u16,
    everybody: &str,
    addresses: impl Fn(&'a FirewallRule) -> Option<&'a [String]>,
) -> Reach {
    let mut some = Vec::new();
    for rule in &firewall.rules.inbound {
        let fits = rule.protocol == "TCP"
            && ranges(rule).is_none_or(|ranges| ranges.iter().any(|range| range.contains(&port)));
        let Some(networks) = addresses(rule).filter(|networks| fits && !networks.is_empty()) else { continue };
        let all = networks.iter().any(|network| network == everybody);
        match (rule.action.as_str(), all) {
            ("ACCEPT", true) => return Reach::Everybody,
            ("ACCEPT", false) => some.extend(networks.iter().cloned()),
            (_, true) if some.is_empty() => return Reach::Nobody,
            (_, true) => return Reach::Some(some),
            _ => {}
        }
    }
    match firewall.rules.inbound_policy.as_str() {
        "ACCEPT" => Reach::Everybody,
        _ if some.is_empty() => Reach::Nobody,
        _ => Reach::Some(some),
    }
}

/// The ports of a rule, such as `22, 8000-8010`; `None` when it is for every port.
fn ranges(rule: &FirewallRule) -> Option<Vec<RangeInclusive<u16>>> {
    let text = rule.ports.as_deref().filter(|text| !text.trim().is_empty())?;
    let read = |part: &str| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        Some(first.trim().parse().ok()?..=last.trim().parse().ok()?)
    };
    Some(text.split(',').filter_map(read).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn firewall(inbound: &Value, policy: &str) -> Firewall {
        let text = json!({"id": 1, "label": "f", "status": "enabled", "tags": [],
            "rules": {"inbound": inbound, "inbound_policy": policy, "outbound": [], "outbound_policy": "ACCEPT"}});
        serde_json::from_value(text).unwrap()
    }

    fn rule(action: &str, ports: &str, ipv4: &[&str], ipv6: &[&str]) -> Value {
        json!({"action": action, "protocol": "TCP", "ports": ports, "addresses": {"ipv4": ipv4, "ipv6": ipv6}})
    }

    const ALL: (&[&str], &[&str]) = (&["0.0.0.0/0"], &["::/0"]);

    #[test]
    fn one_that_serves_the_stack_has_no_difference() {
        let (v4, v6) = ALL;
        let one = firewall(&json!([rule("ACCEPT", "22, 80,443", v4, v6), rule("ACCEPT", "8000-8001", v4, v6)]), "DROP");
        assert_eq!(differences(&one, &[22, 80, 443, 8000, 8001]), Vec::<String>::new());
        assert!(!closes(&one, 8000) && closes(&one, 8002));
    }

    #[test]
    fn the_first_rule_that_fits_decides() {
        let (v4, v6) = ALL;
        let one = firewall(&json!([rule("DROP", "1-100", v4, v6), rule("ACCEPT", "80", v4, v6)]), "ACCEPT");
        assert!(closes(&one, 80) && !closes(&one, 443));
        let office = firewall(
            &json!([rule("ACCEPT", "22", &["192.0.2.0/24"], &[]), rule("ACCEPT", "80", v4, &[]),
                {"action": "ACCEPT", "protocol": "UDP", "ports": null, "addresses": {"ipv4": v4}}]),
            "DROP",
        );
        assert_eq!(
            differences(&office, &[22, 80, 443]),
            [
                "only 192.0.2.0/24 can connect to port 22",
                "not everybody can connect to port 80 over IPv6",
                "nobody can connect to port 443",
                "UDP every port is accepted too, which the stack does not serve",
            ]
        );
        assert!(!closes(&office, 22));
        let open = firewall(&json!([]), "ACCEPT");
        assert_eq!(differences(&open, &[22]), ["everything is accepted that no rule names"]);
    }
}
