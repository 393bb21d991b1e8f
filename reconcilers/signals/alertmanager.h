#pragma once

#include <string_view>
#include <vector>

#include "controller/base/status.h"
#include "reconcilers/signals/alerts.h"

namespace kr::signals {

struct AlertmanagerMessage {
  std::vector<Alert> alerts;
  size_t left_out = 0;  // truncatedAlerts: webhook_config.max_alerts was less than there are
};

// The body of a notification as Alertmanager posts it to a webhook, version 4
// (https://prometheus.io/docs/alerting/latest/configuration/#webhook_config). InvalidArgument says
// what is wrong and where: `alerts[2].labels.pod: expected a text, found a number`. Fields that are
// not needed may be of any form. Never throws; any bytes may come.
StatusOr<AlertmanagerMessage> ParseAlertmanager(std::string_view body);

}  // namespace kr::signals
