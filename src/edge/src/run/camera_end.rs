//! How a station's camera has come to its end.

use crate::error::EdgeError;

/// No more pictures come.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct CameraEnd {
    /// What of a recording could not be played.
    pub(super) damage: Option<String>,
}

impl CameraEnd {
    /// Whether all pictures were played.
    ///
    /// # Errors
    /// [`EdgeError::BrokenOff`].
    pub(super) fn sound(self) -> Result<(), EdgeError> {
        match self.damage {
            None => Ok(()),
            Some(damage) => Err(EdgeError::BrokenOff { damage }),
        }
    }
}

#[cfg(test)]
mod tests {
    use twinspect_camera::CameraError;
    use twinspect_camera::realsense::RealSenseError;

    use super::*;
    use crate::run::capture;
    use crate::run::messages::{self, InspectorMessage};

    /// What the line process makes of it when the inspect process's camera has ended so.
    fn heard(end: &CameraError) -> Result<(), EdgeError> {
        let (mut bytes, mut line) = (Vec::new(), Vec::new());
        messages::write(&mut bytes, &mut line, &capture::ended(Some(end))).unwrap();
        match messages::read(&mut bytes.as_slice(), &mut line).unwrap() {
            Some(InspectorMessage::CameraEnded { damage }) => CameraEnd { damage }.sound(),
            other => panic!("{other:?}"),
        }
    }

    fn broken() -> RealSenseError {
        RealSenseError::BrokenOff {
            file: "belt.db3".to_owned(),
            at_s: 2.0,
            length_s: 6.0,
        }
    }

    #[test]
    fn what_is_wrong_with_the_file_has_one_exit_code_whoever_plays_it() {
        let code =
            |error: RealSenseError| EdgeError::Camera(CameraError::from(Box::new(error))).code();
        assert_eq!(code(broken()), 3);
        let file = "belt.db3".to_owned();
        let found = "a folder";
        assert_eq!(code(RealSenseError::NoFile { file, found }), 3);
        // Another camera may come, and what plays without a pair is no broken file.
        let (serial, found) = (None, Vec::new());
        assert_eq!(code(RealSenseError::Absent { serial, found }), 6);
        let (recording, trouble, source) = ("belt".to_owned(), String::new(), None);
        let no_pair = RealSenseError::NoPair {
            recording,
            trouble,
            source,
        };
        assert_eq!(code(no_pair), 6);
    }

    #[test]
    fn how_a_recording_has_ended_survives_the_way_to_the_exit_code() {
        heard(&CameraError::End).unwrap();
        let error = heard(&Box::new(broken()).into()).unwrap_err();
        assert_eq!(error.code(), 3);
        let told = error.to_string();
        let place = "recording belt.db3 broke off after 2.0 s of 6.0 s";
        assert!(told.ends_with(place), "{told}");
    }
}
