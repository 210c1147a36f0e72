use crate::{Kind, Phase, Severity};

/// What has been stated of a victim or a source, and is not over.
#[derive(Clone, Copy, Debug)]
pub(super) struct Alarm {
    pub(super) kind: Kind,
    pub(super) severity: Severity,
    /// The last second that gave reason for it.
    pub(super) active: u64,
}

/// The finding that is to be stated.
#[derive(Clone, Copy, Debug)]
pub(super) struct Noted {
    pub(super) phase: Phase,
    /// What was stated before, of another kind and less severe: it is over, since this explains it better.
    pub(super) instead_of: Option<Alarm>,
}

impl Alarm {
    /// Notes that there is reason in `second`, and says which finding that makes, if any. What is of another kind is no reason to go on.
    pub(super) fn note(
        alarm: &mut Option<Self>,
        kind: Kind,
        severity: Severity,
        second: u64,
    ) -> Option<Noted> {
        let new = Self { kind, severity, active: second };
        match alarm {
            Some(alarm) if alarm.kind == kind => {
                alarm.active = second;
                let is_raised = severity > alarm.severity;
                alarm.severity = alarm.severity.max(severity);
                is_raised.then_some(Noted { phase: Phase::Raised, instead_of: None })
            }
            Some(alarm) if severity <= alarm.severity => None,
            _ => Some(Noted { phase: Phase::Started, instead_of: alarm.replace(new) }),
        }
    }
}
