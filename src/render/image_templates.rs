//! The templates of the image's own files: for each one its path, its mode, and when its file is put into the root.

use super::template::{Template, template};

/// When a file is put into the root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Before any package is configured, because maintainer scripts read it.
    BeforeConfiguring,
    /// After all packages are configured.
    Finishing,
}

/// A template, and the properties of the files that are made from it.
pub(super) struct ImageTemplate {
    /// Its path in `image/`, which is also the path of its file in the root.
    pub(super) path: &'static str,
    pub(super) template: Template,
    pub(super) mode: u32,
    pub(super) moment: Moment,
    /// The paths of its files, if they differ from its own path. `NAME` stands for the name of each package with programs.
    pub(super) places: &'static [&'static str],
}

const fn file(path: &'static str, template: Template) -> ImageTemplate {
    ImageTemplate { path, template, mode: 0o644, moment: Moment::Finishing, places: &[] }
}

const fn script(path: &'static str, template: Template) -> ImageTemplate {
    ImageTemplate { mode: 0o755, ..file(path, template) }
}

const fn early(path: &'static str, template: Template) -> ImageTemplate {
    ImageTemplate { moment: Moment::BeforeConfiguring, ..file(path, template) }
}

macro_rules! image_template {
    ($kind:ident, $path:literal) => {
        $kind($path, template!("image/", $path))
    };
}

pub(super) const TEMPLATES: &[ImageTemplate] = &[
    // initramfs-tools' hook finds in it which fsck the root needs.
    image_template!(early, "etc/fstab"),
    image_template!(early, "etc/initramfs-tools/conf.d/image"),
    image_template!(early, "etc/initramfs-tools/modules"),
    image_template!(early, "etc/kernel-img.conf"),
    image_template!(early, "etc/dpkg/dpkg.cfg.d/stackdeb"),
    image_template!(early, "etc/postgresql-common/createcluster.d/image-build.conf"),
    // openssh-server makes the host keys that the configuration names.
    image_template!(early, "etc/ssh/sshd_config.d/10-image.conf"),
    image_template!(file, "boot/grub/grub.cfg"),
    image_template!(file, "etc/apt/apt.conf.d/52image-security-updates"),
    image_template!(file, "etc/apt/sources.list.d/distribution.sources"),
    image_template!(file, "etc/cloud/cloud.cfg.d/90-image.cfg"),
    image_template!(file, "etc/hostname"),
    image_template!(file, "etc/hosts"),
    image_template!(file, "etc/locale.conf"),
    image_template!(file, "etc/systemd/network/75-further-cards.network"),
    image_template!(file, "etc/systemd/network/80-ethernet.network"),
    image_template!(file, "etc/systemd/resolved.conf.d/10-image.conf"),
    ImageTemplate {
        places: &[
            "etc/systemd/system/NAME.service.d/10-image.conf",
            "etc/systemd/system/NAME-database.service.d/10-image.conf",
            "etc/systemd/system/NAME-database-role.service.d/10-image.conf",
            "etc/systemd/system/NAME-database-setup.service.d/10-image.conf",
        ],
        ..image_template!(file, "etc/systemd/system/app-after-cloud-init.conf")
    },
    image_template!(file, "etc/systemd/system/dev-swap\\x2ddisk.swap"),
    image_template!(file, "etc/systemd/system/first-boot-certificate.service"),
    image_template!(file, "etc/systemd/system/first-boot-cluster.service"),
    image_template!(file, "etc/systemd/system/metadata-for-root.service"),
    image_template!(file, "etc/systemd/system/sshd-keygen.service"),
    ImageTemplate {
        places: &["etc/systemd/system/unattended-upgrades.service.d/10-image.conf"],
        ..image_template!(file, "etc/systemd/system/unattended-upgrades-last.conf")
    },
    ImageTemplate {
        places: &[
            "etc/systemd/system/apt-daily.service.d/10-image.conf",
            "etc/systemd/system/apt-daily-upgrade.service.d/10-image.conf",
        ],
        ..image_template!(file, "etc/systemd/system/updates-are-checked.conf")
    },
    image_template!(file, "etc/udev/rules.d/90-swap.rules"),
    image_template!(script, "usr/local/lib/systemd/system-generators/image-boot-order"),
    image_template!(script, "usr/local/libexec/after-updates"),
    image_template!(script, "usr/local/libexec/first-boot-certificate"),
    image_template!(script, "usr/local/libexec/first-boot-cluster"),
    image_template!(script, "usr/local/libexec/metadata-for-root"),
];
