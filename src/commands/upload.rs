//! `stackdeb upload`: an image file becomes an image in the account at Linode. Everything on this machine is checked
//! before the first request to Linode.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use serde::Serialize;

use super::account::ApiArgs;
use super::variant::VariantArgs;
use crate::build::newest_image::newest_image;
use crate::linode::LinodeError;
use crate::linode::api::regions::Region;
use crate::linode::api::tag::Tag;
use crate::linode::image::label::ImageLabel;
use crate::linode::image::upload::{IfUploaded, ImageOrigin, UploadOptions, upload_file};
use crate::linode::image_status::ImageStatus;
use crate::system::hash::Sha256;
use crate::system::print;
use crate::system::progress::Reporter;

const EXIT_STATUS: &str = "\
The token comes from the environment: LINODE_TOKEN, else LINODE_CLI_TOKEN. It needs the scope images:read_write, and \
events:read_only to say why Linode discarded an image.

Exit status: 0 the image is available; 1 something here must be put right (the image or an argument is wrong, or the token \
is missing); 2 wrong usage; 3 Linode refused, or discarded the image; 4 the network failed, or the image was not available in \
time; 130 or 143 interrupted.";

/// The arguments of `stackdeb upload`.
#[derive(Debug, Args)]
#[command(after_help = EXIT_STATUS)]
pub struct UploadArgs {
    /// The image file, IMAGE.img.gz [default: the newest dist/*-linode.img.gz]
    #[arg(conflicts_with = "variant")]
    image: Option<PathBuf>,
    #[command(flatten)]
    variant: VariantArgs,
    /// The region that the image is uploaded to; instances can be made from it in every region
    #[arg(long)]
    region: String,
    /// The image's name in the account [default: the file's name]
    #[arg(long)]
    label: Option<String>,
    /// A tag, 3 to 100 characters; may be given again
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// Upload the file even if the account has an image of it
    #[arg(long)]
    force: bool,
    /// Report as one JSON object on standard output
    #[arg(long)]
    json: bool,
    /// The time in which the image must be available after it is sent, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 3600)]
    timeout: u64,
    #[command(flatten)]
    api: ApiArgs,
}

/// The object that `--json` prints: the image at Linode.
#[derive(Debug, Serialize)]
struct UploadReport<'a> {
    id: &'a str,
    label: &'a str,
    /// Where it was sent to; nothing if it was not sent now.
    region: Option<&'a str>,
    status: ImageStatus,
    /// On Linode's disks, in MB.
    size: Option<u64>,
    tags: &'a [String],
    file: String,
    bytes: u64,
    raw_bytes: u64,
    sha256: Sha256,
    /// Whether it was sent now.
    uploaded: bool,
}

/// # Errors
/// [`LinodeError`], whose class decides the exit status; or when there is no image.
pub fn run(args: &UploadArgs) -> miette::Result<()> {
    let path = args.image.clone().map_or_else(|| newest_image(args.variant.variant.as_deref()), Ok)?;
    let options = args.check(&path)?;
    let (image, uploaded) = upload_file(&args.api.client()?, &path, &options, Reporter::Stderr)?;
    let (at_linode, sent_now) = (&uploaded.image, uploaded.origin == ImageOrigin::SentNow);
    let report = UploadReport {
        id: &at_linode.id,
        label: &at_linode.label,
        region: sent_now.then(|| options.region.as_str()),
        status: at_linode.status,
        size: at_linode.size,
        tags: &at_linode.tags,
        file: image.path.display().to_string(),
        bytes: image.bytes,
        raw_bytes: image.raw_bytes,
        sha256: image.sha256,
        uploaded: sent_now,
    };
    if args.json {
        print::json(&report)?;
    } else {
        print::line(format_args!("{} ({}) is available", report.id, report.label))?;
    }
    Ok(())
}

impl UploadArgs {
    /// The arguments as what they mean, each with a valid form.
    fn check(&self, path: &Path) -> Result<UploadOptions, LinodeError> {
        Ok(UploadOptions {
            label: self.label.as_deref().map_or_else(|| ImageLabel::of_file(path), ImageLabel::new)?,
            region: Region::new(&self.region)?,
            tags: self.tags.iter().map(|tag| Tag::for_image(tag)).collect::<Result<_, _>>()?,
            if_uploaded: if self.force { IfUploaded::UploadAgain } else { IfUploaded::Reuse },
            timeout: Duration::from_secs(self.timeout),
        })
    }
}
