#pragma once

#include <optional>

#include "controller/base/status.h"
#include "controller/document/document.h"
#include "crds/meta/object_meta.h"
#include "reconcilers/limits/reasons.h"

namespace kr::remediation {

// ForeignMaintenance when somebody else is at work on the object: a mark of limits::ForeignMarks, a
// Deployment that is paused, or one whose rollout is making progress. Names the tool and the field.
// A rollout that is stuck (its deadline has passed, or all replicas are new and some are sick) is
// nobody's work any more but a symptom like others.
// FailedPrecondition when `object` was not made with all of limits::ForeignMarkPaths: what was not
// read must not pass for absent.
StatusOr<std::optional<limits::Refusal>> FindForeignMaintenance(const crds::ObjectReference& ref,
                                                                const document::Document& object);

}  // namespace kr::remediation
