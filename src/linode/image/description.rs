//! The description of an uploaded image. It names the file and its digest, so that the image is recognized later: the
//! same file is not uploaded twice, and an instance knows its version.

use crate::control::PackageName;
use crate::linode::api::images::AccountImage;
use crate::linode::error::LinodeError;
use crate::stack::Stack;
use crate::system::hash::Sha256;

/// What stands between the name of the file and its digest.
const UPLOADED: &str = ", uploaded by stackdeb";

/// The description of an image that is made from this file.
pub fn description(file_name: &str, sha256: Sha256) -> String {
    format!("{file_name}{UPLOADED}. {}", digest(sha256))
}

/// Whether an image was made from the file with that digest.
pub fn is_of(image: &AccountImage, sha256: Sha256) -> bool {
    image.description.as_deref().is_some_and(|text| text.contains(&digest(sha256)))
}

/// The name of the file that an image was made from, if this program uploaded it.
pub fn file_name(image: &AccountImage) -> Option<&str> {
    image.description.as_deref()?.split_once(UPLOADED).map(|(name, _)| name)
}

/// The version of the stack in an image, if the name of its file is one that this program gives to that stack's images.
pub fn version<'a>(image: &'a AccountImage, stack: &PackageName) -> Option<&'a str> {
    version_and_variant(file_name(image)?, stack).map(|(version, _)| version)
}

/// The version of a stack in an image and its variant, if the name of its file is one that this program
/// gives to that stack's images.
fn version_and_variant<'a>(file_name: &'a str, stack: &PackageName) -> Option<(&'a str, Option<&'a str>)> {
    let rest = file_name.strip_prefix(stack.as_str())?.strip_prefix('-')?.strip_suffix("-linode.img.gz")?;
    let (version, variant) = rest.split_once('@').map_or((rest, None), |(version, variant)| (version, Some(variant)));
    version.starts_with(|first: char| first.is_ascii_digit()).then_some((version, variant))
}

/// Refuses an image of another variant of the stack: its instances would pass for those of this one, and `--replace` would
/// put them in their place.
///
/// # Errors
/// When the name of the file is that of another variant's image.
pub fn refuse_other_variant(file_name: &str, stack: &Stack) -> Result<(), LinodeError> {
    let of = |variant: Option<&str>| match variant {
        Some(variant) => format!("the variant {variant}"),
        None => "the stack without a variant".to_owned(),
    };
    match version_and_variant(file_name, &stack.package.name) {
        Some((_, variant)) if variant != stack.variant() => Err(LinodeError::argument(
            format!("{file_name} is an image of {}, and this is {}", of(variant), of(stack.variant())),
            match variant {
                Some(_) => "choose that variant with --variant, or name another image",
                None => "leave out --variant, or name another image",
            },
        )),
        _ => Ok(()),
    }
}

fn digest(sha256: Sha256) -> String {
    format!("sha256:{sha256}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linode::image_status::ImageStatus;

    fn image(description: Option<String>) -> AccountImage {
        let (id, label, status) = ("private/1".to_owned(), "x".to_owned(), ImageStatus::Available);
        AccountImage { id, label, status, size: None, description, tags: Vec::new(), created: None }
    }

    #[test]
    fn an_image_is_known_by_its_file() {
        let sha256 = Sha256::of(b"abc");
        let ours = image(Some(description("a.img.gz", sha256)));
        // The digest is that of FIPS 180-2, appendix B.1.
        let expected = "a.img.gz, uploaded by stackdeb. \
                        sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(ours.description.as_deref(), Some(expected));
        assert!(is_of(&ours, sha256) && !is_of(&ours, Sha256::of(b"")));
        assert_eq!(file_name(&ours), Some("a.img.gz"));
        for other in [None, Some("my image".to_owned())] {
            assert!(!is_of(&image(other.clone()), sha256));
            assert_eq!(file_name(&image(other)), None);
        }
    }

    #[test]
    fn an_image_tells_its_version() {
        let of_file = |file: &str| image(Some(description(file, Sha256::of(b""))));
        let shop: PackageName = "shop".parse().unwrap();
        assert_eq!(version(&of_file("shop-1.0+rc1-linode.img.gz"), &shop), Some("1.0+rc1"));
        assert_eq!(version(&of_file("shop-1.0@staging-linode.img.gz"), &shop), Some("1.0"));
        for other in ["shop-admin-1.0-linode.img.gz", "shop.img.gz", "till-1.0-linode.img.gz"] {
            assert_eq!(version(&of_file(other), &shop), None, "{other}");
        }
    }
}
