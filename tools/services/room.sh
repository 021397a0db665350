#!/bin/sh
# Process 1 of a room: this machine as it stands, of which nothing that is written stays, and a systemd of its own in it.
# Run in new pid, mount, cgroup, UTS and IPC namespaces; the network is the machine's. See room.py.
#
#   room.sh FOLDER [SOURCE PLACE]…     FOLDER/upper takes what is written, FOLDER/root is the room; each SOURCE, a folder
#                                      that changes meanwhile, is the same one in PLACE: the layer does not follow it
set -eu

folder=$1
root=$folder/root
shift
mount --make-rprivate /
mkdir -p "$folder/upper" "$folder/work" "$root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$folder/upper,workdir=$folder/work" "$root"
while [ $# -gt 0 ]; do
	mkdir -p "$root$2"
	mount --bind "$1" "$root$2"
	shift 2
done
cd "$root"

mount -t proc proc proc
mount --bind proc/sys proc/sys
mount -o remount,bind,ro proc/sys # the kernel is the machine's
mount -t sysfs -o ro sysfs sys
mount -t tmpfs tmpfs run
mount -t tmpfs tmpfs tmp
mount -t tmpfs -o mode=755 tmpfs dev
mkdir dev/pts dev/shm
for device in null zero full random urandom tty; do
	touch "dev/$device"
	mount --bind "/dev/$device" "dev/$device"
done
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
mount -t tmpfs -o mode=1777 tmpfs dev/shm
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
ln -s /proc/self/fd/0 dev/stdin
ln -s /proc/self/fd/1 dev/stdout
ln -s /proc/self/fd/2 dev/stderr

if [ "$(stat -f -c %T /sys/fs/cgroup)" = cgroup2fs ]; then
	mount -t cgroup2 cgroup2 sys/fs/cgroup
else # both kinds, as systemd of those days wants it
	mount -t tmpfs -o mode=755 tmpfs sys/fs/cgroup
	mkdir sys/fs/cgroup/unified sys/fs/cgroup/systemd
	mount -t cgroup -o none,name=systemd cgroup sys/fs/cgroup/systemd
	mount -t cgroup2 cgroup2 sys/fs/cgroup/unified
fi

# Of the machine's own units none: only what every service needs, and what we put there.
units=etc/systemd/system
mkdir -p "$units"
for unit in systemd-sysctl systemd-modules-load systemd-remount-fs systemd-udevd systemd-timesyncd systemd-update-utmp \
	systemd-random-seed systemd-hwdb-update; do
	ln -sfn /dev/null "$units/$unit.service"
done
cat >"$units/room.target" <<'END'
[Unit]
Description=A room with a systemd of its own
Requires=basic.target dbus.socket
After=basic.target dbus.socket
AllowIsolate=yes
END
echo room >etc/hostname
: >etc/machine-id
mkdir -p var/log/journal

mount --make-rshared . # within the room; in a container systemd leaves that to whoever made it
exec env -i container=other PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
	chroot . /lib/systemd/systemd --unit=room.target --log-target=journal
