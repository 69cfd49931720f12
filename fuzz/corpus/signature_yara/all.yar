import "pe" import "math"
private rule p : t { meta: a = "x" n = -1 b = true strings: $a = "abc" nocase wide xor(1-3) $b = { 01 ?? [2-4] (02|03) } $ = /a+b{2,3}/is condition: #a == 2 and $b at 0x10 or any of them }
rule q { strings: $x = "hello" base64 $y = "w" fullword condition: for 2 of ($x, $y*) : ($ in (1..filesize) and @[1] < 5) or 50% of them or none of ($x) in (0..9) }
global rule r { condition: for any s in pe.sections : (s.name == ".text") or for all i in (1, 2 << 3, -4) : (uint16be(i) & ~1 != 7 \ 2 % 3) or not defined pe.version_info["a"] }
rule u { condition: any of (p, q*) and filename matches /x\/y$/i and 1.5 < math.entropy(0, filesize) and "a\x00\t" icontains "A" }
