"""The machine and its containers."""

from components.monitoring.pages.page import (
    A_SECOND,
    BYTES,
    BYTES_A_SECOND,
    CORES,
    DAYS,
    PERCENT,
    SECONDS,
    Limits,
    Page,
    Panel,
    Query,
    Row,
    There,
)

HOST = 'job="host"'

CORES_IN_USE = Panel(
    "Cores in use",
    (Query(f'sum by (mode) (rate(node_cpu_seconds_total{{{HOST},mode!="idle"}}[2m]))', "{{mode}}"),),
    unit=CORES,
    about="Of all processors together. iowait: they wait for a disk; steal: for the other guests.",
)
MEMORY = Panel(
    "Memory of the machine that can be had",
    (
        Query(
            f"node_memory_MemAvailable_bytes{{{HOST}}} / node_memory_MemTotal_bytes{{{HOST}}} * 100",
            "of all",
        ),
    ),
    unit=PERCENT,
    about="With less than 6 % the kernel is about to end a process of its choice.",
    limits=Limits(warn=12, bad=6, below=True),
)
DISKS = Panel(
    "Room on the disks",
    (Query("jira_disk_available_bytes / jira_disk_size_bytes * 100", "{{disk}}"),),
    unit=PERCENT,
    about="With less than 2 GB a deploy is refused, with less than 1 GB no metrics are kept.",
    limits=Limits(warn=20, bad=10, below=True),
)
CONTAINERS_MEMORY = Panel(
    "Memory of the containers, of what each may have",
    (
        Query(
            "max by (service) (jira_container_memory_bytes / jira_container_memory_limit_bytes) * 100",
            "{{service}}",
        ),
    ),
    unit=PERCENT,
    about="At 100 % the kernel ends a process of it.",
    limits=Limits(warn=85, bad=95),
)
LOAD = Panel(
    "Load",
    (
        Query(f"node_load1{{{HOST}}}", "1 minute"),
        Query(f"node_load15{{{HOST}}}", "15 minutes"),
        Query(f'count(node_cpu_seconds_total{{{HOST},mode="idle"}})', "processors"),
    ),
    about="Processes that run or wait. For long above the processors, and everything waits.",
)
MEMORY_BYTES = Panel(
    "Memory",
    (
        Query(f"node_memory_MemTotal_bytes{{{HOST}}}", "of the machine"),
        Query(f"node_memory_MemAvailable_bytes{{{HOST}}}", "can be had"),
        Query(f"node_memory_Cached_bytes{{{HOST}}}", "files, which give way"),
    ),
    unit=BYTES,
)
SWAP = Panel(
    "Pages that are swapped",
    (
        Query(f"rate(node_vmstat_pswpin{{{HOST}}}[2m])", "in"),
        Query(f"rate(node_vmstat_pswpout{{{HOST}}}[2m])", "out"),
    ),
    about="Each second. A little is nothing; for long and in both ways there is too little memory.",
)
DISK_BYTES = Panel(
    "Room in bytes",
    (Query("jira_disk_available_bytes", "{{disk}}"),),
    unit=BYTES,
)
DISK_FULL = Panel(
    "What room there will be in four days",
    (Query("clamp_min(predict_linear(jira_disk_available_bytes[6h], 4 * 86400), 0)", "{{disk}}"),),
    unit=BYTES,
    about="If it goes on as in the last six hours. 0: it is full by then.",
)
DISK_WORK = Panel(
    "Written to disks, and read",
    (
        Query(f"sum by (device) (rate(node_disk_written_bytes_total{{{HOST}}}[2m]))", "{{device}} written"),
        Query(f"sum by (device) (rate(node_disk_read_bytes_total{{{HOST}}}[2m]))", "{{device}} read"),
    ),
    unit=BYTES_A_SECOND,
)
NETWORK = Panel(
    "Network",
    (
        Query("rate(jira_host_network_receive_bytes_total[2m])", "{{device}} in"),
        Query("rate(jira_host_network_transmit_bytes_total[2m])", "{{device}} out"),
    ),
    unit=BYTES_A_SECOND,
)
SINCE = Panel(
    "Since its start",
    (Query("(time() - jira_host_boot_timestamp_seconds) / 86400", "the machine"),),
    unit=DAYS,
    about="Debian's security fixes reboot it at night, where they ask for it.",
)
UNITS = Panel(
    "Units of systemd that failed, and a reboot that is due",
    (
        Query("jira_host_failed_units", "failed units"),
        Query("jira_host_reboot_required", "reboot due"),
    ),
    limits=Limits(bad=1),
)
CONTAINERS_CORES = Panel(
    "Cores of the containers",
    (Query("sum by (service) (rate(jira_container_cpu_seconds_total[2m]))", "{{service}}"),),
    unit=CORES,
    about="Their limits are services.<name>.cpus in the stack file.",
)
CONTAINERS_BYTES = Panel(
    "Memory of the containers",
    (Query("sum by (service) (jira_container_memory_bytes)", "{{service}}"),),
    unit=BYTES,
    about="Without what the kernel can take back. A release has some of them twice.",
)
CONTAINERS_PIDS = Panel(
    "Processes and threads of the containers",
    (Query("sum by (service) (jira_container_pids)", "{{service}}"),),
    about="What only grows is a leak.",
)
OUT_OF_MEMORY = Panel(
    "Ended for want of memory, in a day",
    (Query("sum by (service) (increase_prometheus(jira_container_oom_kills_total[1d]))", "{{service}}"),),
    limits=Limits(bad=1),
)

LINES = Panel(
    "Lines of logs in a second",
    (Query("sum(rate(jira_logs_shipped_lines_total[1m]))", "all"),),
    unit=A_SECOND,
    about="That their store has taken, of the machine and of all containers.",
)
LINES_BEHIND = Panel(
    "How old the line is that comes next",
    (Query("jira_logs_behind_seconds", "all"),),
    unit=SECONDS,
    about="While the store is away, or in a burst, they wait in the machine's journal.",
)
LINES_LOST = Panel(
    "Lines that were lost in an hour",
    (Query("sum by (reason) (increase_prometheus(jira_logs_lost_lines_total[1h]))", "{{reason}}"),),
    about="journal: gone before they were read; rate: left out by journald; store: refused.",
    limits=Limits(bad=1),
)


def page(there: There) -> Page:
    """The page."""
    containers = (
        Row(
            "Containers",
            (CONTAINERS_CORES, CONTAINERS_MEMORY, CONTAINERS_BYTES, CONTAINERS_PIDS, OUT_OF_MEMORY),
        ),
    )
    return Page(
        "host",
        "Host",
        "The machine and its containers.",
        (
            Row("Processors and memory", (CORES_IN_USE, LOAD, MEMORY, MEMORY_BYTES, SWAP)),
            Row(
                "Disks and network",
                (
                    *((DISKS, DISK_BYTES, DISK_FULL) if there.machine else ()),
                    DISK_WORK,
                    *((NETWORK,) if there.machine else ()),
                ),
            ),
            *((Row("The system", (SINCE, UNITS), across=2), *containers) if there.machine else ()),
            *((Row("Logs", (LINES, LINES_BEHIND, LINES_LOST)),) if there.logs else ()),
        ),
    )
