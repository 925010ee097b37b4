//! What a machine needs to boot and to be looked after, beside the stack's own package and what that depends on. The
//! suite's kernel package and its essential packages (`Essential: yes`) come from elsewhere.

/// Packages of every image, in the order of their names; without those they recommend.
pub const MACHINE: &[&str] = &[
    // Security upgrades, by hand or by `apt-get upgrade` from a timer of the administrator's.
    "apt",
    // Outgoing TLS; cloud-init has it too.
    "ca-certificates",
    // User data at first boot.
    "cloud-init",
    // `hostnamectl`, `resolvectl` and the user sessions speak over it.
    "dbus",
    // mke2fs makes the image, and fsck checks it at boot.
    "e2fsprogs",
    // Debian's cloud kernel has no SCSI built in.
    "initramfs-tools",
    "iproute2",
    // Ends SSH sessions in order at shutdown.
    "libpam-systemd",
    // The health check's log, nginx's and PostgreSQL's.
    "logrotate",
    "netbase",
    "openssh-server",
    "procps",
    // The name servers come with DHCP and router advertisements: systemd-networkd leaves them to this one.
    "systemd-resolved",
    "systemd-sysv",
    "systemd-timesyncd",
    "udev",
    // The initramfs is compressed with it: initramfs-tools only recommends it.
    "zstd",
];
