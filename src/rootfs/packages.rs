//! The packages of every image. They are added to the stack's own package with its dependencies, to the suite's kernel
//! package, and to the essential packages (`Essential: yes`).

/// The names in their order. Recommended packages are not installed.
pub const MACHINE: &[&str] = &[
    "apt",
    // For outgoing TLS connections; cloud-init needs it too.
    "ca-certificates",
    // Reads the user data at the first boot.
    "cloud-init",
    // `hostnamectl`, `resolvectl` and user sessions need it.
    "dbus",
    // Its mke2fs makes the image, and its fsck checks the root at boot.
    "e2fsprogs",
    // Debian's cloud kernel loads its SCSI driver from an initramfs.
    "initramfs-tools",
    "iproute2",
    // Ends SSH sessions cleanly at shutdown.
    "libpam-systemd",
    // Rotates the logs of the health check, nginx and PostgreSQL.
    "logrotate",
    "netbase",
    "openssh-server",
    "procps",
    // systemd-networkd learns name servers by DHCP and router advertisements, and hands them to systemd-resolved.
    "systemd-resolved",
    "systemd-sysv",
    "systemd-timesyncd",
    "udev",
    // Installs security updates once a day.
    "unattended-upgrades",
    // Compresses the initramfs; initramfs-tools only recommends it.
    "zstd",
];
