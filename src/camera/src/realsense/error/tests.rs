use super::*;

fn call() -> CallError {
    CallError {
        kind: 8,
        function: "rs2_context_add_device".to_owned(),
        message: "no".to_owned(),
    }
}

#[test]
fn what_is_wrong_with_the_recorded_file_itself_is_told_from_the_rest() {
    let file = || "belt.db3".to_owned();
    for error in [
        RealSenseError::Recording {
            file: file(),
            source: call(),
        },
        RealSenseError::Unreadable {
            file: file(),
            source: io::Error::from(io::ErrorKind::NotFound),
        },
        RealSenseError::NoFile {
            file: file(),
            found: "a pipe",
        },
        RealSenseError::CutOff {
            file: file(),
            found: 1,
            wanted: 2,
        },
        RealSenseError::BrokenOff {
            file: file(),
            at_s: 1.0,
            length_s: 3.0,
        },
        RealSenseError::Damaged {
            file: file(),
            at: 4_711,
            what: "nonsense",
        },
        RealSenseError::TooNew {
            file: file(),
            version: "2.57.7".to_owned(),
        },
        RealSenseError::Unopened {
            file: file(),
            seconds: 45,
        },
        RealSenseError::OneStream {
            file: file(),
            stream: Stream::Depth,
            found: "none at all".to_owned(),
        },
    ] {
        assert!(error.is_of_the_file(), "{error}");
    }
    for error in [
        RealSenseError::Unreadable {
            file: file(),
            source: io::Error::other("the disk is gone for a moment"),
        },
        RealSenseError::NoPair {
            recording: file(),
            trouble: "it has none that belong together".to_owned(),
            source: None,
        },
        RealSenseError::Unwritten {
            file: file(),
            passed: 2,
            found: 1,
        },
        RealSenseError::Absent {
            serial: None,
            found: Vec::new(),
        },
        RealSenseError::Call {
            doing: "starting the camera",
            source: call(),
        },
    ] {
        assert!(!error.is_of_the_file(), "{error}");
    }
}

#[test]
fn a_camera_that_is_not_there_is_told_with_those_that_are() {
    let told = |serial: Option<&str>, found: &[&str]| {
        let error = RealSenseError::Absent {
            serial: serial.map(str::to_owned),
            found: found.iter().map(|found| (*found).to_owned()).collect(),
        };
        error.to_string()
    };
    assert_eq!(told(None, &[]), "no RealSense camera is connected");
    assert_eq!(
        told(Some("0815"), &[]),
        "the RealSense camera 0815 is not connected; nor is any other one"
    );
    assert_eq!(
        told(Some("0815"), &["D435 4711", "D405 42"]),
        "the RealSense camera 0815 is not connected; connected: D435 4711, D405 42"
    );
}

/// So that a station without the library is told what is wrong with its recording all the same.
#[test]
fn a_recording_s_file_is_looked_at_without_the_library() {
    let folder = tempfile::tempdir().unwrap();
    let absent = RealSenseError::of_file(&folder.path().join("absent.bag"));
    assert!(
        matches!(&absent, Some(RealSenseError::Unreadable { .. })),
        "{absent:?}"
    );
    let found = RealSenseError::of_file(folder.path());
    assert!(
        matches!(&found, Some(RealSenseError::NoFile { .. })),
        "{found:?}"
    );
    let bag = folder.path().join("belt.bag");
    std::fs::write(&bag, b"#ROSBAG V2.0\n\xff\xff\xff\xff").unwrap();
    let damaged = RealSenseError::of_file(&bag);
    assert!(
        damaged.as_ref().is_some_and(RealSenseError::is_of_the_file),
        "{damaged:?}"
    );
    // Of what is no recording at all, the library speaks.
    std::fs::write(&bag, b"no recording").unwrap();
    assert!(RealSenseError::of_file(&bag).is_none());
}
