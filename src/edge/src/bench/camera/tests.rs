use super::*;
use crate::taking::scripted::Ending;

/// After the first pictures of a camera have been passed over.
fn measured(mut camera: Ending) -> (Way, usize) {
    let (_, first) = first_pictures(&mut camera).unwrap();
    let spec = made_up(&first).unwrap();
    let mut way = Way::new(Box::new(camera), None, &spec).unwrap();
    way.measure(Duration::from_secs(600)).unwrap();
    (way, first.len())
}

#[test]
fn a_recording_that_breaks_off_is_damage_whatever_was_measured_before() {
    let (way, first) = measured(Ending::broken_off(23));
    assert_eq!((way.pictures, first), (3, 20));
    let findings = way.findings(first_size(), String::new());
    assert_eq!(findings.ended_by, ENDED_BY_CAMERA);
    assert!(findings.broken.is_some_and(|why| why.contains("broke off")));
    assert_eq!(way.broken().map(|error| error.code()), Some(3));

    let (way, first) = measured(Ending::broken_off(4));
    assert_eq!((way.pictures, first), (0, 4));
    assert_eq!(way.nothing(first).code(), 3);
}

#[test]
fn a_recording_that_ends_is_none() {
    let (way, _) = measured(Ending::sound(23));
    assert!(way.findings(first_size(), String::new()).broken.is_none());
    assert!(way.broken().is_none());
    let (way, first) = measured(Ending::sound(4));
    assert_eq!(way.nothing(first).code(), 6);
}

fn first_size() -> FrameSize {
    FrameSize {
        width: 80,
        height: 64,
    }
}
