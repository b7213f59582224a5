//! What can go wrong around a station.

use twinspect_core::belt::EncoderKind;
use twinspect_core::gate::OutputMode;
use twinspect_core::station::StationSpec;

use super::story::is_watched;

/// Something that goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FaultKind {
    /// The part sensor bounces at both edges of the part.
    Bounce,
    /// The part sensor, or the camera's height map, does not see the part.
    MissedPart,
    /// The part sensor sees the part twice.
    DoublePulse,
    /// The part sensor sees something where nothing is.
    SpuriousPulse,
    /// The kernel loses edges of the part sensor.
    SensorOverflow,
    /// The kernel loses edges of the encoder.
    EncoderOverflow,
    /// The encoder's wire bounces.
    EncoderGlitch,
    /// The belt stops.
    BeltStop,
    /// The belt turns back for a while.
    BeltReverse,
    /// The belt shakes.
    BeltShake,
    /// The camera gives no picture.
    MissingFrame,
    /// The camera gives a picture that was taken before the part came.
    StaleFrame,
    /// The camera gives its last picture again.
    RepeatedFrame,
    /// The camera takes its picture too late.
    LateFrame,
    /// The camera does not return for a while.
    CameraStall,
    /// The camera is unplugged, and plugged in again.
    CameraAway,
    /// The camera is there and sends nothing, until a step cures it.
    CameraSilent,
    /// The camera's driver never returns.
    CameraHang,
    /// The engine fails.
    EngineError,
    /// The engine is slow.
    EngineSlow,
    /// The engine never returns.
    EngineHang,
    /// The engine is lost with its process, and what stands in is too slow for the belt, until somebody has the
    /// first one tried again.
    EngineStandsIn,
    /// An answer comes twice, the second time as a PASS.
    DuplicateAnswer,
    /// Somebody answers for a part that nobody has seen.
    UnknownAnswer,
    /// An answer is overtaken by later ones.
    DelayedAnswer,
    /// The inspect process crashes.
    Crash,
    /// The inspect process hangs as a whole.
    Hang,
    /// The next start of the inspect process fails.
    StartFailure,
    /// The next start of the inspect process never ends.
    StartHang,
    /// Somebody wants another model, which is a good one.
    ModelSwitch,
    /// Somebody wants a model that can't be proven.
    ModelUnproven,
    /// Somebody wants a model whose proof never ends.
    ModelProofHang,
    /// Somebody wants a model whose process dies when it opens the camera.
    ModelNoCamera,
    /// Somebody wants a model whose process never gets ready.
    ModelOpenHang,
    /// Somebody wants a model whose process dies with each part.
    ModelDies,
    /// Somebody wants a model whose engine fails with each part.
    ModelCantJudge,
    /// The next records of which model is in charge can't be written.
    RecordFails,
    /// The machine wants another recipe, by one wire after the other.
    RecipeSwitch,
    /// The recipe lines tell a number that has no recipe, for a while.
    RecipeUnknown,
    /// The recipe lines bounce.
    RecipeBounce,
    /// The disk is full; records can't be written.
    DiskFull,
    /// The line process does not run for a while.
    LineStall,
    /// The clock seems to step back for a while.
    ClockStep,
    /// The configuration is read again.
    Reload,
    /// A configuration that can't be taken over is read.
    BadReload,
    /// The machine does not acknowledge a result.
    AckLost,
    /// The height map loses the part for a picture.
    HeightDropout,
}

/// For how long a fault may keep parts from being inspected after its own end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Harm {
    /// Not at all.
    None,
    /// The parts that it meets.
    Parts,
    /// The inspect process has to be started again.
    Process,
}

/// A fault that meets a part.
#[derive(Debug, Clone, Copy)]
pub struct Fault {
    /// Number of the part on the belt.
    pub part: usize,
    /// How long after the part's front came to the sensor; sensor faults meet the part itself.
    pub offset_us: u64,
    /// What.
    pub kind: FaultKind,
    /// How much, in thousandths of the worst.
    pub size: u64,
}

impl FaultKind {
    /// All of them.
    pub const ALL: [Self; 47] = [
        Self::Bounce,
        Self::MissedPart,
        Self::DoublePulse,
        Self::SpuriousPulse,
        Self::SensorOverflow,
        Self::EncoderOverflow,
        Self::EncoderGlitch,
        Self::BeltStop,
        Self::BeltReverse,
        Self::BeltShake,
        Self::MissingFrame,
        Self::StaleFrame,
        Self::RepeatedFrame,
        Self::LateFrame,
        Self::CameraStall,
        Self::CameraAway,
        Self::CameraSilent,
        Self::CameraHang,
        Self::EngineError,
        Self::EngineSlow,
        Self::EngineHang,
        Self::EngineStandsIn,
        Self::DuplicateAnswer,
        Self::UnknownAnswer,
        Self::DelayedAnswer,
        Self::Crash,
        Self::Hang,
        Self::StartFailure,
        Self::StartHang,
        Self::ModelSwitch,
        Self::ModelUnproven,
        Self::ModelProofHang,
        Self::ModelNoCamera,
        Self::ModelOpenHang,
        Self::ModelDies,
        Self::ModelCantJudge,
        Self::RecordFails,
        Self::RecipeSwitch,
        Self::RecipeUnknown,
        Self::RecipeBounce,
        Self::DiskFull,
        Self::LineStall,
        Self::ClockStep,
        Self::Reload,
        Self::BadReload,
        Self::AckLost,
        Self::HeightDropout,
    ];

    /// Those that can meet a station.
    ///
    /// A belt without an encoder is presumed to run evenly, but for a stop with a part before a camera that
    /// watches the belt, for longer than parts are in sight; one with a single channel is presumed not to
    /// turn back. With a reject pulse, silence passes: no software can save a part that the sensor
    /// did not see, that goes by while the line process does not run, or that comes to the
    /// rejector with counts of which nobody knows yet that they are lost.
    pub(crate) fn of(station: &StationSpec) -> Vec<Self> {
        let encoder = station.encoder.map(|encoder| encoder.kind);
        let watched = is_watched(station);
        let is_possible = |kind: &Self| match kind {
            Self::Bounce | Self::DoublePulse | Self::SpuriousPulse | Self::SensorOverflow => {
                !watched
            }
            Self::HeightDropout => watched,
            Self::BeltStop => encoder.is_some() || watched,
            Self::EncoderOverflow => {
                encoder.is_some() && station.gate.mode == OutputMode::PassPulse
            }
            Self::EncoderGlitch => encoder == Some(EncoderKind::Single),
            Self::BeltReverse | Self::BeltShake => encoder == Some(EncoderKind::Quadrature),
            Self::MissedPart | Self::LineStall => station.gate.mode == OutputMode::PassPulse,
            Self::AckLost => station.handshake.is_some(),
            Self::RecipeSwitch | Self::RecipeUnknown | Self::RecipeBounce => {
                station.recipes.is_some()
            }
            // Who chooses by lines does not choose by hand.
            Self::ModelSwitch
            | Self::ModelUnproven
            | Self::ModelProofHang
            | Self::ModelNoCamera
            | Self::ModelOpenHang
            | Self::ModelDies
            | Self::ModelCantJudge => station.recipes.is_none(),
            _ => true,
        };
        Self::ALL.into_iter().filter(is_possible).collect()
    }

    pub(crate) fn harm(self) -> Harm {
        match self {
            // What a model costs is counted from where it makes itself felt.
            Self::ModelSwitch
            | Self::ModelUnproven
            | Self::ModelProofHang
            | Self::ModelNoCamera
            | Self::ModelOpenHang
            | Self::ModelDies
            | Self::ModelCantJudge
            | Self::RecordFails
            | Self::Bounce
            | Self::EncoderGlitch
            | Self::BeltShake
            | Self::DuplicateAnswer
            | Self::UnknownAnswer
            | Self::DiskFull
            | Self::ClockStep
            | Self::Reload
            | Self::BadReload
            | Self::AckLost => Harm::None,
            Self::CameraStall
            | Self::CameraAway
            | Self::CameraSilent
            | Self::CameraHang
            | Self::EngineHang
            | Self::EngineSlow
            | Self::EngineStandsIn
            | Self::Crash
            | Self::Hang
            | Self::StartFailure
            | Self::StartHang
            | Self::RecipeSwitch
            | Self::RecipeUnknown => Harm::Process,
            _ => Harm::Parts,
        }
    }

    /// Whether it meets the part's own edges.
    pub(crate) fn is_of_sensor(self) -> bool {
        matches!(
            self,
            Self::Bounce | Self::MissedPart | Self::DoublePulse | Self::SpuriousPulse
        )
    }

    /// The name that a script reads.
    pub fn name(self) -> String {
        let mut name = String::new();
        for (index, letter) in format!("{self:?}").chars().enumerate() {
            if letter.is_uppercase() && index > 0 {
                name.push('_');
            }
            name.push(letter.to_ascii_lowercase());
        }
        name
    }
}
