//! The classes of a [`LinodeError`]: each has its exit status, which tells a script what it can do.

use super::error::LinodeError;

/// Who can do something about an error: the user, Linode, or time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Something on this machine must be put right first.
    Input,
    /// Linode received the request and refused it.
    Refused,
    /// Linode could not be reached, or did not finish in time: another attempt may succeed.
    Network,
}

impl Class {
    /// The program's exit status. clap ends the program with 2 when the arguments are wrong.
    pub fn exit_status(self) -> u8 {
        match self {
            Self::Input => 1,
            Self::Refused => 3,
            Self::Network => 4,
        }
    }
}

impl LinodeError {
    /// What the error means for the exit status. Without a wildcard, so that a new kind must be given its class.
    pub fn class(&self) -> Class {
        match self {
            Self::Argument { .. }
            | Self::Read { .. }
            | Self::NoToken
            | Self::Declined
            | Self::NobodyToAsk { .. }
            | Self::ApiAddress { .. }
            | Self::BadImage { .. }
            | Self::DamagedImage { .. }
            | Self::ImageSize(_)
            | Self::NotInCatalogue { .. }
            | Self::RegionLacks { .. }
            | Self::PlanTooSmall { .. }
            | Self::NoImage { .. }
            | Self::ImageUnavailable(_)
            | Self::Firewall { .. }
            | Self::UserData { .. }
            | Self::Render(_)
            | Self::NotOurs { .. }
            | Self::DataWouldBeLost { .. }
            | Self::DataChanged { .. }
            | Self::EditedFiles { .. }
            | Self::ForeignFiles { .. }
            | Self::Output(_)
            | Self::Interrupted(_) => Class::Input,
            Self::Remote(error) if error.exit_status() == 1 => Class::Input,
            Self::Unauthorized { .. }
            | Self::Scope { .. }
            | Self::MissingGrants { .. }
            | Self::NotFound { .. }
            | Self::Refused { .. }
            | Self::StorageAddress(_)
            | Self::StorageRefused { .. }
            | Self::Discarded { .. }
            | Self::Gone(_) => Class::Refused,
            Self::TooManyRequests { .. }
            | Self::Network { .. }
            | Self::Remote(_)
            | Self::Response { .. }
            | Self::Transfer { .. }
            | Self::NotAvailableYet { .. }
            | Self::NotHealthy { .. } => Class::Network,
            Self::OldRemain { source, .. } => source.class(),
        }
    }
}
