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
    use super::*;

    #[test]
    fn a_recording_that_broke_off_ends_the_station_with_the_code_of_bad_data() {
        assert!(CameraEnd { damage: None }.sound().is_ok());
        let damage = "recording belt.db3 broke off after 2.0 s of 6.0 s".to_owned();
        let error = CameraEnd {
            damage: Some(damage),
        }
        .sound()
        .unwrap_err();
        assert_eq!(error.code(), 3);
        assert!(error.to_string().contains("belt.db3"), "{error}");
    }
}
