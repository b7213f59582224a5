//! Which TensorRT a library is, and which tables fit it.

use crate::Error;

/// A version of TensorRT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version {
    /// What `getInferLibVersion` says, which is what the factories want to hear.
    pub(crate) number: i32,
    /// Releases with another major version have other tables.
    pub major: i32,
    /// Within a major version tables only grow.
    pub minor: i32,
    /// Changes no table.
    pub patch: i32,
}

/// Releases that share their tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Generation {
    /// 8.5 and 8.6: JetPack 5.1 and 6.0.
    V8,
    /// 10: JetPack 6.1 and later, 7.
    V10,
    /// 11, and TensorRT-RTX from 1.5 on, which is laid out like it.
    V11,
}

impl Version {
    /// Splits the number of a library. Up to 9 it is `major * 1000 + minor * 100 + patch`, from 10
    /// on `major * 10000 + minor * 100 + patch`; TensorRT-RTX, which began at 1.0, writes its own
    /// in the new way.
    ///
    /// Source: `NV_TENSORRT_VERSION` in `NvInferVersion.h` of 8.5 to 11.4; libraries of 10.15,
    /// 10.16, 11.4 and RTX 1.7 were asked.
    pub(crate) fn of_number(number: i32) -> Self {
        let thousands = if number < 10_000 { 1_000 } else { 10_000 };
        Self {
            number,
            major: number / thousands,
            minor: number % thousands / 100,
            patch: number % 100,
        }
    }

    /// Whether it is TensorRT-RTX: a product of its own, with TensorRT's functions and without its plans. It counts from 1.0 on and writes
    /// that in the way of 10 and later, as no TensorRT does.
    pub(crate) fn is_rtx(&self) -> bool {
        (10_000..100_000).contains(&self.number)
    }

    /// The tables that fit.
    ///
    /// # Errors
    /// [`Error::TooOld`] before 8.5, which can't run a network by the names of its tensors;
    /// [`Error::UnknownMajor`] for what was not known when this was written.
    pub fn generation(&self) -> Result<Generation, Error> {
        match (self.is_rtx(), self.major, self.minor) {
            (true, 1, 5..) => Ok(Generation::V11),
            (false, 8, 5..) => Ok(Generation::V8),
            (false, 10, _) => Ok(Generation::V10),
            (false, 11, _) => Ok(Generation::V11),
            (false, 1..=8, _) => Err(Error::TooOld { version: *self }),
            _ => Err(Error::UnknownMajor { version: *self }),
        }
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(number: i32, version: &str, generation: Option<Generation>) {
        let found = Version::of_number(number);
        assert_eq!(found.to_string(), version);
        assert_eq!(found.generation().ok(), generation, "{version}");
    }

    #[test]
    fn numbers_of_both_kinds_are_understood() {
        check(8502, "8.5.2", Some(Generation::V8));
        check(8602, "8.6.2", Some(Generation::V8));
        check(100_300, "10.3.0", Some(Generation::V10));
        check(101_602, "10.16.2", Some(Generation::V10));
        check(110_401, "11.4.1", Some(Generation::V11));
        check(10_701, "1.7.1", Some(Generation::V11));
    }

    #[test]
    fn tensorrt_rtx_is_known_by_its_number() {
        for number in [10_400, 10_701, 20_000, 80_500] {
            assert!(Version::of_number(number).is_rtx(), "{number}");
        }
        for number in [999, 8_502, 9_300, 100_000, 110_401, -1] {
            assert!(!Version::of_number(number).is_rtx(), "{number}");
        }
    }

    #[test]
    fn what_has_other_tables_is_refused_by_the_right_name() {
        check(8403, "8.4.3", None);
        check(7103, "7.1.3", None);
        check(9300, "9.3.0", None);
        check(120_000, "12.0.0", None);
        check(10_400, "1.4.0", None);
        check(20_000, "2.0.0", None);
        check(80_500, "8.5.0", None);
        let too_old = |number| {
            matches!(
                Version::of_number(number).generation(),
                Err(Error::TooOld { .. })
            )
        };
        assert!(too_old(8403) && too_old(7103));
        assert!(!too_old(9300) && !too_old(120_000) && !too_old(10_400));
        for number in [0, -1, i32::MIN, i32::MAX, 999] {
            assert!(Version::of_number(number).generation().is_err(), "{number}");
        }
    }
}
