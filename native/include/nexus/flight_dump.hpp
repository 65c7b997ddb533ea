// Writes the flight record of a nexus to a file, from within a handler of signals: it allocates nothing, takes no lock, and calls only what POSIX allows there (open, write, close, unlink, clock_gettime). The format is that
// of ts-src/flight/flight-format.ts, and its twin is ts-src/runtime/flight-capture.ts. When to do so is for native/napi/crash_handler.cc.
// Other threads go on writing: what they overwrite meanwhile is left out by the reader, which is told how far they had written before and after.
#pragma once
#ifndef _WIN32
#include <errno.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "nexus/shared_memory.hpp"

namespace nexus {

struct FlightDumpNeeds {
  SharedMemory shared;
  /** JSON of what does not change, prepared while the process was well. */
  const std::uint8_t* head = nullptr;
  std::uint32_t head_bytes = 0;
  const char* directory = nullptr;
  std::uint32_t pid = 0;
  /** The clock of the events is the monotonic one of the system and this. */
  double clock_offset_ms = 0;
  /** A bit for each record of the table; all 0. */
  std::uint8_t* seen = nullptr;
};

class FlightDump {
 public:
  static constexpr std::size_t kPathBytes = 1280;

  explicit FlightDump(const FlightDumpNeeds& needs) : needs_(needs) {}

  /** Of the file, once it is written; else empty. */
  const char* Path() const { return path_; }

  /** False, and no file is left, if it could not be written. @param thread of the nexus that got the signal, or -1 */
  bool Write(std::uint32_t signal, const char* signal_name, std::int32_t thread) {
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    const std::uint64_t epoch_ms = static_cast<std::uint64_t>(now.tv_sec) * 1000u + static_cast<std::uint64_t>(now.tv_nsec) / 1000000u;
    // Another nexus of this process may have written one in the same millisecond.
    for (std::uint32_t same = 0; same <= kSameNamesMax; same++) {
      if (!MakePath(epoch_ms, signal_name, same)) return false;
      file_ = open(path_, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
      if (file_ >= 0 || errno != EEXIST) break;
    }
    if (file_ < 0) {
      path_[0] = 0;
      return false;
    }
    WriteHeader(signal, thread, static_cast<double>(epoch_ms));
    WriteThreads();
    WriteNames();
    Flush();
    if (close(file_) != 0) failed_ = true;
    if (failed_) {
      unlink(path_);
      path_[0] = 0;
    }
    return !failed_;
  }

  static double MonotonicMs() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
  }

 private:
  static constexpr std::uint32_t kVersion = 1;
  static constexpr std::uint32_t kSameNamesMax = 100;
  /** Index of 'fatalSignal' in FLIGHT_REASONS. */
  static constexpr std::uint32_t kReason = 4;
  static constexpr std::uint32_t kNameEnded = 0x10000;
  static constexpr std::uint32_t kEndedNameBytesMax = 32;
  static constexpr std::uint32_t kEventWords = layout::kFlightEventBytes / 4;

  void WriteHeader(std::uint32_t signal, std::int32_t thread, double epoch_ms) {
    std::uint8_t header[64] = {};
    const auto put = [&header](std::size_t at, const void* value, std::size_t bytes) { std::memcpy(header + at, value, bytes); };
    const auto word = [&put](std::size_t at, std::uint32_t value) { put(at, &value, 4); };
    const double clock_ms = MonotonicMs() + needs_.clock_offset_ms;
    put(0, "NXFLIGHT", 8);
    word(8, kVersion);
    word(12, layout::kFlightEventBytes);
    put(16, &clock_ms, 8);
    put(24, &epoch_ms, 8);
    word(32, kReason);
    word(36, signal);
    put(40, &thread, 4);
    word(44, needs_.shared.thread_count);
    word(48, Capacity());
    word(52, needs_.head_bytes);
    Put(header, sizeof header);
    Put(needs_.head, needs_.head_bytes);
    Pad(needs_.head_bytes, 8);
  }

  void WriteThreads() {
    for (std::uint32_t thread = 0; thread < needs_.shared.thread_count; thread++) {
      const std::uint32_t* words = needs_.shared.ThreadWords(thread);
      const std::uint32_t offset = FlightOffset(thread);
      const std::uint32_t* written = needs_.shared.Words(offset) + layout::kFlightWordWritten;
      const std::uint32_t ring_bytes = Capacity() * layout::kFlightEventBytes;
      std::uint32_t about[8] = {thread, Load(words + layout::kThreadWordIncarnation), Load(words + layout::kThreadWordState), Load(written), 0, 0, 0, 0};
      // The header of a thread comes before its events, and says how far it had written after they were copied: they go into the file first.
      Flush();
      const off_t at = lseek(file_, 0, SEEK_CUR);
      if (at < 0 || lseek(file_, at + static_cast<off_t>(sizeof about), SEEK_SET) < 0) failed_ = true;
      Put(needs_.shared.base + offset + layout::kFlightHeaderBytes, ring_bytes);
      Flush();
      about[4] = Load(written);
      if (lseek(file_, at, SEEK_SET) < 0) failed_ = true;
      Put(reinterpret_cast<const std::uint8_t*>(about), sizeof about);
      Flush();
      if (lseek(file_, at + static_cast<off_t>(sizeof about) + static_cast<off_t>(ring_bytes), SEEK_SET) < 0) failed_ = true;
    }
  }

  void WriteNames() {
    for (std::uint32_t thread = 0; thread < needs_.shared.thread_count; thread++) {
      const std::uint32_t* events = needs_.shared.Words(FlightOffset(thread) + layout::kFlightHeaderBytes);
      for (std::uint32_t number = 0; number < Capacity(); number++) {
        const std::uint32_t* event = events + number * kEventWords;
        const std::uint32_t kind = (Load(event + layout::kFlightEventWordType) >> 8) - 1;
        WriteName(Load(event + layout::kFlightEventWordSlot), Load(event + layout::kFlightEventWordGeneration), kind);
      }
    }
    const std::uint32_t last[3] = {0, 0, 0};
    Put(reinterpret_cast<const std::uint8_t*>(last), sizeof last);
    Pad(names_bytes_ + sizeof last, 8);
    Put(reinterpret_cast<const std::uint8_t*>("NXFLTEND"), 8);
  }

  /** A record holds one name at a time: that of this generation, or none that is wanted. */
  void WriteName(std::uint32_t slot, std::uint32_t generation, std::uint32_t kind) {
    if (slot == 0 || slot >= needs_.shared.record_capacity || (needs_.seen[slot >> 3] & (1u << (slot & 7))) != 0) return;
    const std::uint32_t* record = RecordWords(slot);
    const std::uint32_t state = Load(record + layout::kRecordWordState);
    if (state >> 2 != generation) return;
    const bool is_live = (state & 3) == layout::kRecordStateLive;
    if (!is_live && (state & 3) != layout::kRecordStateFree) return;
    const std::uint32_t key_bytes = Load(record + layout::kRecordWordKeyBytes);
    if (key_bytes == 0 || key_bytes > layout::kKeyBytesMax) return;
    std::uint8_t name[layout::kKeyBytesMax];
    if (is_live ? !CopyName(record, key_bytes, name) : !CopyEnded(record, key_bytes, kind, name)) return;
    if (Load(record + layout::kRecordWordState) != state) return;
    needs_.seen[slot >> 3] |= static_cast<std::uint8_t>(1u << (slot & 7));
    const std::uint32_t about[3] = {slot, generation, key_bytes | (is_live ? 0 : kNameEnded)};
    Put(reinterpret_cast<const std::uint8_t*>(about), sizeof about);
    Put(name, key_bytes);
    Pad(key_bytes, 4);
    names_bytes_ += sizeof about + ((key_bytes + 3) & ~3u);
  }

  bool CopyName(const std::uint32_t* record, std::uint32_t key_bytes, std::uint8_t* name) const {
    const std::uint32_t* from = record + layout::kRecordWordInline;
    std::uint32_t room = layout::kRecordInlineBytes;
    std::uint32_t extension = Load(record + layout::kRecordWordExtension);
    for (std::uint32_t done = 0; done < key_bytes;) {
      const std::uint32_t here = key_bytes - done < room ? key_bytes - done : room;
      std::memcpy(name + done, from, here);
      done += here;
      // A list that is being written again may lead anywhere, but not out of the records.
      const std::uint32_t* next = RecordWords(extension & (needs_.shared.record_capacity - 1));
      extension = Load(next + layout::kExtensionWordNext);
      from = next + layout::kExtensionWordInline;
      room = layout::kExtensionInlineBytes;
    }
    return true;
  }

  /** A free record keeps its words until it is used again, perhaps as part of another one: the kind and the padding have to fit, too. */
  bool CopyEnded(const std::uint32_t* record, std::uint32_t key_bytes, std::uint32_t kind, std::uint8_t* name) const {
    const std::uint32_t owner = Load(record + layout::kRecordWordOwner);
    if (key_bytes > kEndedNameBytesMax || (owner & 0xffffu) != kind || owner >> 16 >= needs_.shared.thread_count) return false;
    const std::uint32_t whole = (key_bytes + 3) & ~3u;
    std::memcpy(name, record + layout::kRecordWordInline, whole);
    for (std::uint32_t at = 0; at < whole; at++) {
      if ((name[at] == 0) != (at >= key_bytes)) return false;
    }
    return true;
  }

  /** DIRECTORY/nexus-flight-PID-20261121T092220123Z-SIGNAL.nxf, with `same` behind the signal if it is not 0. */
  bool MakePath(std::uint64_t epoch_ms, const char* signal_name, std::uint32_t same) {
    std::size_t at = 0;
    const auto text = [&](const char* from) {
      while (*from != 0 && at + 1 < kPathBytes) path_[at++] = *from++;
    };
    const auto number = [&](std::uint64_t value, int digits) {
      char reversed[24];
      int count = 0;
      do {
        reversed[count++] = static_cast<char>('0' + value % 10);
        value /= 10;
      } while (value != 0 || count < digits);
      while (count > 0 && at + 1 < kPathBytes) path_[at++] = reversed[--count];
    };
    // Days to a date, after Howard Hinnant, "chrono-compatible low-level date algorithms": gmtime is not for handlers of signals.
    const std::uint64_t days = epoch_ms / 86400000u + 719468u;
    const std::uint64_t era = days / 146097u;
    const std::uint64_t day_of_era = days - era * 146097u;
    const std::uint64_t year_of_era = (day_of_era - day_of_era / 1460u + day_of_era / 36524u - day_of_era / 146096u) / 365u;
    const std::uint64_t day_of_year = day_of_era - (365u * year_of_era + year_of_era / 4u - year_of_era / 100u);
    const std::uint64_t shifted_month = (5u * day_of_year + 2u) / 153u;
    const std::uint64_t month = shifted_month < 10u ? shifted_month + 3u : shifted_month - 9u;
    text(needs_.directory);
    text("/nexus-flight-");
    number(needs_.pid, 1);
    text("-");
    number(year_of_era + era * 400u + (month <= 2u ? 1u : 0u), 4);
    number(month, 2);
    number(day_of_year - (153u * shifted_month + 2u) / 5u + 1u, 2);
    text("T");
    number(epoch_ms / 3600000u % 24u, 2);
    number(epoch_ms / 60000u % 60u, 2);
    number(epoch_ms / 1000u % 60u, 2);
    number(epoch_ms % 1000u, 3);
    text("Z-");
    text(signal_name);
    if (same > 0) {
      text("-");
      number(same, 1);
    }
    text(".nxf");
    path_[at] = 0;
    return at + 1 < kPathBytes;
  }

  void Put(const std::uint8_t* bytes, std::size_t count) {
    if (count >= sizeof buffer_ - used_) {
      Flush();
      if (count >= sizeof buffer_) return WriteAll(bytes, count);
    }
    std::memcpy(buffer_ + used_, bytes, count);
    used_ += count;
  }

  /** Zeros behind `count` bytes, up to a multiple of `unit`. */
  void Pad(std::size_t count, std::size_t unit) {
    const std::uint8_t zeros[8] = {};
    Put(zeros, (unit - count % unit) % unit);
  }

  void Flush() {
    const std::size_t used = used_;
    used_ = 0;
    WriteAll(buffer_, used);
  }

  void WriteAll(const std::uint8_t* bytes, std::size_t count) {
    while (count > 0 && !failed_) {
      const ssize_t done = write(file_, bytes, count);
      if (done < 0) {
        if (errno == EINTR) continue;
        failed_ = true;
        return;
      }
      bytes += done;
      count -= static_cast<std::size_t>(done);
    }
  }

  std::uint32_t Capacity() const { return needs_.shared.HeaderWord(layout::kHeaderWordFlightCapacity); }
  std::uint32_t FlightOffset(std::uint32_t thread) const {
    return needs_.shared.HeaderWord(layout::kHeaderWordFlightOffset) + thread * (layout::kFlightHeaderBytes + Capacity() * layout::kFlightEventBytes);
  }
  const std::uint32_t* RecordWords(std::uint32_t slot) const { return needs_.shared.Words(needs_.shared.records_offset + slot * layout::kRecordBytes); }
  static std::uint32_t Load(const std::uint32_t* word) { return __atomic_load_n(word, __ATOMIC_ACQUIRE); }

  const FlightDumpNeeds& needs_;
  int file_ = -1;
  bool failed_ = false;
  std::size_t names_bytes_ = 0;
  std::size_t used_ = 0;
  std::uint8_t buffer_[4096];
  char path_[kPathBytes] = {};
};

}  // namespace nexus
#endif
