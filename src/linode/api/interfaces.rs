//! How a new instance reaches the network. Linode has two generations of interfaces; an account allows one of them or both,
//! and each wants its firewall in another place of the request.

use serde::Serialize;

use super::account::InterfaceSetting;

/// The part of the request for an instance that is about its network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "interface_generation", rename_all = "snake_case")]
pub enum InstanceNetwork {
    /// Interfaces of the configuration profile. The firewall is that of the instance.
    LegacyConfig {
        #[serde(skip_serializing_if = "Option::is_none")]
        firewall_id: Option<u64>,
    },
    /// Interfaces of the instance itself. Each has its own firewall; one for the whole instance is an error.
    Linode { interfaces: [PublicInterface; 1] },
}

/// An interface with a public IPv4 address and a public IPv6 address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct PublicInterface {
    #[serde(skip_serializing_if = "Option::is_none")]
    firewall_id: Option<u64>,
    default_route: DefaultRoute,
    public: Automatic,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
struct DefaultRoute {
    ipv4: bool,
    ipv6: bool,
}

/// An empty object: Linode chooses the addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
struct Automatic {}

impl InstanceNetwork {
    /// The network of an instance in an account with that setting: legacy interfaces wherever they are allowed, and where
    /// nothing is known. The request always names the generation, because the account's default would decide otherwise.
    pub fn allowed(setting: Option<InterfaceSetting>, firewall_id: Option<u64>) -> Self {
        match setting {
            Some(InterfaceSetting::LinodeOnly) => Self::linode(firewall_id),
            _ => Self::LegacyConfig { firewall_id },
        }
    }

    fn linode(firewall_id: Option<u64>) -> Self {
        let default_route = DefaultRoute { ipv4: true, ipv6: true };
        Self::Linode { interfaces: [PublicInterface { firewall_id, default_route, public: Automatic {} }] }
    }

    /// The same with Linode's newer interfaces, for an account that turns out not to allow legacy ones.
    pub fn newer(self) -> Option<Self> {
        match self {
            Self::LegacyConfig { firewall_id } => Some(Self::linode(firewall_id)),
            Self::Linode { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The bodies are those of the API's documentation of `POST /linode/instances`.
    #[test]
    fn each_generation_has_its_firewall_in_its_place() {
        use InterfaceSetting::{
            LegacyConfigDefaultButLinodeAllowed, LegacyConfigOnly, LinodeDefaultButLegacyConfigAllowed, LinodeOnly,
            Other,
        };
        let body = |setting, firewall| serde_json::to_value(InstanceNetwork::allowed(setting, firewall)).unwrap();
        let legacy = json!({"interface_generation": "legacy_config", "firewall_id": 7});
        for setting in [
            Some(LegacyConfigOnly),
            Some(LegacyConfigDefaultButLinodeAllowed),
            Some(LinodeDefaultButLegacyConfigAllowed),
            Some(Other),
            None,
        ] {
            assert_eq!(body(setting, Some(7)), legacy, "{setting:?}");
            assert_eq!(body(setting, None), json!({"interface_generation": "legacy_config"}));
        }
        let linode = json!({"interface_generation": "linode", "interfaces": [
            {"firewall_id": 7, "default_route": {"ipv4": true, "ipv6": true}, "public": {}}]});
        assert_eq!(body(Some(LinodeOnly), Some(7)), linode);
        let without = json!({"interface_generation": "linode", "interfaces": [
            {"default_route": {"ipv4": true, "ipv6": true}, "public": {}}]});
        assert_eq!(body(Some(LinodeOnly), None), without);
        assert_eq!(
            InstanceNetwork::allowed(None, Some(7)).newer(),
            Some(InstanceNetwork::allowed(Some(LinodeOnly), Some(7)))
        );
        assert_eq!(InstanceNetwork::allowed(Some(LinodeOnly), None).newer(), None);
    }

    #[test]
    fn a_setting_of_a_later_api_is_no_error() {
        let read = |text: &str| serde_json::from_str::<InterfaceSetting>(text).unwrap();
        assert_eq!(read("\"linode_only\""), InterfaceSetting::LinodeOnly);
        assert_eq!(read("\"something_new\""), InterfaceSetting::Other);
    }
}
