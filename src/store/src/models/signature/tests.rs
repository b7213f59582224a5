//! Signatures are made here by the crate that the author of minisign's format has written.

use std::io::Cursor;

use minisign::KeyPair;

use super::super::tests::sample::{bundle, signed};
use super::*;

fn keys() -> KeyPair {
    KeyPair::generate_unencrypted_keypair().unwrap()
}

fn public(keys: &[&KeyPair]) -> PublicKeys {
    let texts: Vec<String> = keys.iter().map(|keys| keys.pk.to_base64()).collect();
    PublicKeys::parse(texts.iter().map(String::as_str)).unwrap()
}

fn sign(keys: &KeyPair, content: &[u8]) -> String {
    let (public, secret) = (&keys.pk, &keys.sk);
    let comment = Some("line 3, release 7");
    let signature = minisign::sign(Some(public), secret, Cursor::new(content), comment, None);
    signature.unwrap().into_string()
}

#[test]
fn without_a_key_every_bundle_is_accepted() {
    let none = PublicKeys::default();
    assert!(none.is_empty());
    assert_eq!(none.verify(&bundle("1.0.0")), Ok(Signed::NotAsked));
    let garbage = signed(&bundle("1.0.0"), b"garbage");
    assert_eq!(none.verify(&garbage), Ok(Signed::NotAsked));
}

#[test]
fn the_owner_of_any_configured_key_may_sign() {
    let (old, new) = (keys(), keys());
    let bundle = bundle("1.0.0");
    let signed = signed(&bundle, sign(&new, bundle.sums()).as_bytes());
    let by = Signed::By {
        trusted_comment: "line 3, release 7".to_owned(),
    };
    assert_eq!(public(&[&new]).verify(&signed), Ok(by.clone()));
    assert_eq!(public(&[&old, &new]).verify(&signed), Ok(by));
    assert_eq!(signed.hash(), bundle.hash(), "a signature is no new model");
}

#[test]
fn everything_else_is_refused() {
    let (ours, others) = (keys(), keys());
    let bundle = bundle("1.0.0");
    let public = public(&[&ours]);
    let refused = |signature: &[u8]| public.verify(&signed(&bundle, signature)).unwrap_err();
    assert!(matches!(
        public.verify(&bundle),
        Err(SignatureError::Missing { .. })
    ));
    let error = refused(sign(&others, bundle.sums()).as_bytes());
    assert!(
        matches!(error, SignatureError::AnotherKey { .. }),
        "{error}"
    );
    let error = refused(sign(&ours, b"something else").as_bytes());
    assert!(matches!(error, SignatureError::Wrong { .. }), "{error}");
    // The trusted comment is signed too.
    let good = sign(&ours, bundle.sums());
    let changed = good.replace("release 7", "release 8");
    assert_ne!(good, changed);
    let error = refused(changed.as_bytes());
    assert!(matches!(error, SignatureError::Wrong { .. }), "{error}");
    for garbage in [&b""[..], b"garbage", b"\xff\xfe", b"a\nb\nc\nd\n"] {
        let error = refused(garbage);
        assert!(
            matches!(error, SignatureError::Unreadable { .. }),
            "{error}"
        );
    }
    let cut = good.lines().take(2).collect::<Vec<_>>().join("\n");
    let error = refused(cut.as_bytes());
    assert!(
        matches!(error, SignatureError::Unreadable { .. }),
        "{error}"
    );
}

#[test]
fn what_is_no_key_is_refused() {
    for text in [
        "",
        "RW",
        "key",
        "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO",
    ] {
        let error = PublicKeys::parse([text]).unwrap_err();
        assert!(error.to_string().contains("no public key"), "{error}");
    }
    // The key of minisign's own documentation.
    let key = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3";
    assert!(PublicKeys::parse([key]).is_ok());
}
