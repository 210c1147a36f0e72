use crate::{Kind, Phase, Severity};

/// What has been stated of a victim or a source, and is not over.
#[derive(Clone, Copy, Debug)]
pub(super) struct Alarm {
    pub(super) kind: Kind,
    pub(super) severity: Severity,
    /// The last second that gave reason for it.
    pub(super) active: u64,
}

impl Alarm {
    /// Notes that there is reason in `second`, and says which finding that makes, if any.
    pub(super) fn note(
        alarm: &mut Option<Self>,
        kind: Kind,
        severity: Severity,
        second: u64,
    ) -> Option<Phase> {
        match alarm {
            None => {
                *alarm = Some(Self { kind, severity, active: second });
                Some(Phase::Started)
            }
            Some(alarm) => {
                alarm.active = second;
                let is_raised = alarm.kind == kind && severity > alarm.severity;
                if is_raised {
                    alarm.severity = severity;
                }
                is_raised.then_some(Phase::Raised)
            }
        }
    }
}
