#include "controller/base/log.h"

#include <memory>

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace kr::log {
namespace {

struct Sink {
  std::shared_ptr<spdlog::logger> logger = spdlog::stderr_logger_mt("kube-remedy");
  Format format = Format::kText;
  Sink() { Apply(); }
  void Apply() {
    logger->set_pattern(format == Format::kJson
                            ? R"({"time":"%Y-%m-%dT%H:%M:%S.%e%z","level":"%l",%v})"
                            : "%Y-%m-%dT%H:%M:%S.%e%z %^%L%$ %v");
    logger->flush_on(spdlog::level::warn);
  }
};

Sink& Instance() {
  static Sink sink;
  return sink;
}

spdlog::level::level_enum ToSpdlog(Level level) {
  switch (level) {
    case Level::kDebug:
      return spdlog::level::debug;
    case Level::kInfo:
      return spdlog::level::info;
    case Level::kWarning:
      return spdlog::level::warn;
    case Level::kError:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

void AppendQuoted(std::string& out, std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  out.push_back('"');
  for (char c : text) {
    if (c == '"' || c == '\\') {
      out.append({'\\', c});
    } else if (c == '\n') {
      out.append("\\n");
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out.append("\\u00");
      out.push_back(kHex[static_cast<unsigned char>(c) >> 4]);
      out.push_back(kHex[c & 0xf]);
    } else {
      out.push_back(c);
    }
  }
  out.push_back('"');
}

void Write(Level level, std::string_view message, Fields fields) {
  if (!Enabled(level)) return;
  const bool json = Instance().format == Format::kJson;
  std::string line;
  if (json) line.append("\"message\":");
  if (json) {
    AppendQuoted(line, message);
  } else {
    line.append(message);
  }
  for (const auto& [key, value] : fields) {
    line.append(json ? "," : " ");
    if (json) {
      AppendQuoted(line, key);
    } else {
      line.append(key);
    }
    line.push_back(json ? ':' : '=');
    AppendQuoted(line, value);
  }
  Instance().logger->log(ToSpdlog(level), "{}", line);
}

}  // namespace

void Configure(Level level, Format format) {
  Instance().format = format;
  Instance().Apply();
  Instance().logger->set_level(ToSpdlog(level));
}

bool Enabled(Level level) {
  return Instance().logger->should_log(ToSpdlog(level));
}

void Debug(std::string_view message, Fields fields) {
  Write(Level::kDebug, message, fields);
}
void Info(std::string_view message, Fields fields) {
  Write(Level::kInfo, message, fields);
}
void Warning(std::string_view message, Fields fields) {
  Write(Level::kWarning, message, fields);
}
void Error(std::string_view message, Fields fields) {
  Write(Level::kError, message, fields);
}

}  // namespace kr::log
