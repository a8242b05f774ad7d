"""What do people send that holds nothing? Code, logs, manuals, prose, sums, diffs, dumps, settings.

Law: written for this corpus; whatever is a date, an address of the Internet or an identifier by its
form is marked, so that anything else that is found in them is a false alarm. `EXAMPLES` holds values
that documentation shows: they are marked as what they look like, except those that are never
reported (see `gateway/detectors/examples.yaml`).
"""

from __future__ import annotations

CODE = [
    "def moving_average(values, window):\n    total, result = 0.0, []\n    for index, value in enumerate(values):\n        total += value\n        if index >= window:\n            total -= values[index - window]\n        result.append(total / min(index + 1, window))\n    return result\n",
    "class LruCache:\n    def __init__(self, capacity=128):\n        self.capacity = capacity\n        self._items = OrderedDict()\n\n    def get(self, key, default=None):\n        try:\n            self._items.move_to_end(key)\n        except KeyError:\n            return default\n        return self._items[key]\n",
    'import hashlib\n\nEXPECTED = "«hex:64»"\n\ndef verify(path):\n    digest = hashlib.sha256(path.read_bytes()).hexdigest()\n    assert digest == EXPECTED, f"{path} has changed"\n',
    'fn main() {\n    let v: Vec<u64> = (1..=«digits:3»).collect();\n    let sum: u64 = v.iter().filter(|n| *n % 3 == 0).sum();\n    println!("{sum:>12}");\n}\n',
    'package main\n\nimport (\n\t"fmt"\n\t"strings"\n)\n\nfunc main() {\n\tparts := strings.Split("a,b,c", ",")\n\tfor i, p := range parts {\n\t\tfmt.Printf("%d=%s\\n", i, p)\n\t}\n}\n',
    "export function debounce<T extends unknown[]>(fn: (...args: T) => void, ms = «digits:3») {\n  let timer: ReturnType<typeof setTimeout> | undefined;\n  return (...args: T) => {\n    clearTimeout(timer);\n    timer = setTimeout(() => fn(...args), ms);\n  };\n}\n",
    'public record Money(long cents, String currency) {\n    public Money plus(Money other) {\n        if (!currency.equals(other.currency)) {\n            throw new IllegalArgumentException("currencies differ");\n        }\n        return new Money(cents + other.cents, currency);\n    }\n}\n',
    '#include <stdio.h>\n#include <stdint.h>\n\nstatic const uint32_t table[] = {\n    0x«hex:8», 0x«hex:8», 0x«hex:8», 0x«hex:8»,\n    0x«hex:8», 0x«hex:8», 0x«hex:8», 0x«hex:8»,\n};\n\nint main(void) {\n    printf("%zu\\n", sizeof table / sizeof table[0]);\n    return 0;\n}\n',
    "template <typename It>\nauto median(It first, It last) {\n  auto mid = first + std::distance(first, last) / 2;\n  std::nth_element(first, mid, last);\n  return *mid;\n}\n",
    "SELECT date_trunc('week', created_at) AS week, count(*) AS orders, sum(total) AS revenue\nFROM orders\nWHERE status IN ('paid', 'shipped') AND total > «digits:3»\nGROUP BY 1\nHAVING count(*) > 10\nORDER BY 1 DESC\nLIMIT 52;\n",
    '<div class="card card--wide" id="c-«digits:5»">\n  <h2>Weekly report</h2>\n  <svg width="120" height="80" viewBox="0 0 120 80"><path d="M10 80 C 40 10, 65 10, 95 80 S 150 150, 180 80" stroke="#3a7bd5"/></svg>\n</div>\n',
    ".button {\n  padding: 0.75rem 1.25rem;\n  background: linear-gradient(135deg, #3a7bd5 0%, #00d2ff 100%);\n  box-shadow: 0 1px 2px rgba(0, 0, 0, 0.12);\n  transition: transform 120ms cubic-bezier(0.4, 0, 0.2, 1);\n}\n",
    '#!/usr/bin/env bash\nset -euo pipefail\nfor file in src/*.c; do\n  out="build/$(basename "${file%.c}").o"\n  [ "$out" -nt "$file" ] || cc -O2 -Wall -c "$file" -o "$out"\ndone\n',
    '@pytest.mark.parametrize(\n    ("text", "count"),\n    [("", 0), ("one", 1), ("one two", 2), ("  spaced   out ", 2), ("a\\tb\\nc", 3)],\n)\ndef test_words_are_counted(text, count):\n    assert word_count(text) == count\n',
    "const password = await prompt({ type: 'password', message: 'New password' });\nif (password.length < 12) throw new Error('password must have 12 characters');\nconst hash = await argon2.hash(password, { type: argon2.argon2id });\nawait users.update(id, { password: hash });\n",
    "def authenticate(request):\n    token = request.headers.get('Authorization', '').removeprefix('Bearer ')\n    if not token:\n        raise PermissionError('no token')\n    api_key = settings.API_KEYS.get(token)\n    return api_key is not None and api_key.active\n",
    'variable "db_password" {\n  type      = string\n  sensitive = true\n}\n\nresource "aws_db_instance" "main" {\n  allocated_storage = 20\n  engine_version    = "16.3"\n  password          = var.db_password\n}\n',
    'object Primes extends App {\n  lazy val primes: LazyList[Int] = 2 #:: LazyList.from(3, 2).filter(n => primes.takeWhile(p => p * p <= n).forall(n % _ != 0))\n  println(primes.take(«digits:2»).mkString(" "))\n}\n',
    "module Stack (Stack, empty, push, pop) where\n\nnewtype Stack a = Stack [a]\n\nempty :: Stack a\nempty = Stack []\n\npush :: a -> Stack a -> Stack a\npush x (Stack xs) = Stack (x : xs)\n\npop :: Stack a -> Maybe (a, Stack a)\npop (Stack []) = Nothing\npop (Stack (x : xs)) = Just (x, Stack xs)\n",
    "defmodule Counter do\n  use GenServer\n\n  def start_link(start \\\\ 0), do: GenServer.start_link(__MODULE__, start, name: __MODULE__)\n  def next, do: GenServer.call(__MODULE__, :next)\n\n  @impl true\n  def handle_call(:next, _from, n), do: {:reply, n, n + 1}\nend\n",
    "data:image/png;base64,iVBORw0KGgo«b64:360»AAElFTkSuQmCC is the icon that I want to make smaller, how?",
    '!function(e,t){"object"==typeof exports?module.exports=t():e.w=t()}(this,function(){var n=0,r=[],i={};return function(e){for(var t=e.length;t--;)r[n++]=e[t]^«digits:5»;return i[e]||(i[e]=r.slice(0,n%«digits:3»))}});',
    "x = np.array([[0.«digits:8», -1.«digits:8»], [2.«digits:8», 0.«digits:8»]])\nprint(np.linalg.det(x), x.shape, x[::2], x[::-1], x[1:3, ::2])\n",
    "let re = /^(?:[a-z0-9]+(?:[._-][a-z0-9]+)*)$/i;\nconst version = '«version»';\nconst [major, minor] = version.split('.').map(Number);\nconsole.log(major > 3 || (major === 3 && minor >= 12));\n",
    "Write a Python function that takes a list of integers and returns the second largest distinct one, or None. Add type hints and three doctests.",
    'Why does `git rebase main` tell me "could not apply «hex:7»"? I only renamed utils.py to text_tools.py and changed the import in app/main.py.',
    "Explain what this does: `awk -F, 'NR>1 {s[$2]+=$3} END {for (k in s) printf \"%s %.2f\\n\", k, s[k]}' sales.csv | sort -k2 -nr | head -20`",
]  # fmt: skip

LOGS = [
    "«stamp» INFO  server started in «digits:4» ms, pid «digits:5», build «hex:8»\n«stamp» WARN  pool exhausted, waited «digits:3» ms\n«stamp» ERROR request failed trace_id=«hex:32» span_id=«hex:16»\n",
    '[[IP_ADDRESS:10.244.«digits:2».«digits:2»]] - - [12/Mar/2025:10:11:12 +0000] "GET /static/app.«hex:8».js HTTP/1.1" 200 «digits:6» "-" "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"\n',
    "Traceback (most recent call last):\n  File \"/srv/app/worker.py\", line «digits:3», in run\n    result = self.handle(job)\n  File \"/srv/app/jobs.py\", line «digits:2», in handle\n    return HANDLERS[job.kind](job.payload)\nKeyError: 'resize'\n",
    'java.lang.NullPointerException: Cannot invoke "Order.total()" because "order" is null\n\tat shop.checkout.Cart.total(Cart.java:«digits:3»)\n\tat shop.checkout.Cart.lambda$submit$0(Cart.java:«digits:2»)\n\tat java.base/java.lang.Thread.run(Thread.java:1583)\n',
    'Events:\n  Type     Reason     Age                From     Message\n  Normal   Pulled     3m (x4 over 9m)    kubelet  Container image "registry.local/api@sha256:«hex:64»" already present\n  Warning  BackOff    1m (x12 over 8m)   kubelet  Back-off restarting failed container api in pod api-«hex:10»-x7k2p_prod(«uuid»)\n',
    "NAME                     READY   STATUS    RESTARTS   AGE\napi-«hex:10»-8xkqz     1/1     Running   0          12d\nworker-«hex:9»-p2m4n   0/1     Pending   «digits:2»         3h\n",
    "##[group]Run npm ci\nadded «digits:3» packages in «digits:2»s\nfound 0 vulnerabilities\n##[endgroup]\n> shop@«semver» test\nTests: 2 failed, «digits:3» passed, «digits:3» total\nTime: 12.«digits:3» s\n",
    "make: *** [Makefile:«digits:2»: build/main.o] Error 1\nsrc/main.c:«digits:3»:17: error: incompatible types when assigning to type 'uint64_t *' from type 'int'\n",
    '{"level":"info","ts":«epoch»,"caller":"http/server.go:«digits:3»","msg":"request","status":200,"size":«digits:5»,"duration":0.00«digits:4»,"request_id":"«uuid»"}\n{"level":"warn","ts":«epoch»,"msg":"slow query","rows":«digits:6»,"plan":"«hex:16»"}\n',
    "[ «digits:5».«digits:6»] usb 1-4: new high-speed USB device number 7 using xhci_hcd\n[ «digits:5».«digits:6»] usb 1-4: New USB device found, idVendor=0bda, idProduct=5634, bcdDevice=15.18\n",
    "epoch 12/40 step «digits:5» loss 0.«digits:4» acc 0.9«digits:3» lr 2.5e-05 1.«digits:2» it/s eta 02:«digits:2»:10\nepoch 13/40 step «digits:5» loss 0.«digits:4» acc 0.9«digits:3» lr 2.4e-05\n",
    "PING gateway: 56 data bytes\n64 bytes: icmp_seq=0 ttl=64 time=0.«digits:3» ms\n64 bytes: icmp_seq=1 ttl=64 time=0.«digits:3» ms\n--- 2 packets transmitted, 2 packets received, 0.0% packet loss\n",
    "Filesystem      1K-blocks      Used Available Use% Mounted on\n/dev/nvme0n1p2  «digits:9» «digits:8» «digits:9»  41% /\ntmpfs             8120344    «digits:5»   8101204   1% /run\n",
    "goroutine «digits:2» [running]:\nmain.(*Queue).Pop(0xc000«hex:6», 0x1)\n\t/src/queue.go:«digits:2» +0x«hex:3»\ncreated by main.main in goroutine 1\n",
    "[Pipeline] sh\n+ docker build -t registry.local/shop:«hex:12» .\nStep 4/11 : RUN pip install -r requirements.txt\n ---> Using cache\n ---> «hex:12»\nSuccessfully built «hex:12»\n",
]  # fmt: skip

CONFIG = [
    '[project]\nname = "demo"\nversion = "«semver»"\nrequires-python = ">=3.12"\ndependencies = [\n  "click>=8.1,<9",\n  "pydantic==2.11.«digits:1»",\n  "rich~=13.«digits:1»",\n]\n',
    '{\n  "name": "shop",\n  "version": "«semver»",\n  "lockfileVersion": 3,\n  "packages": {\n    "node_modules/left-pad": {\n      "version": "«semver»",\n      "integrity": "sha512-«b64:86»==",\n      "license": "MIT"\n    }\n  }\n}\n',
    '[[package]]\nname = "serde"\nversion = "«semver»"\nsource = "registry+index"\nchecksum = "«hex:64»"\ndependencies = [\n "serde_derive",\n]\n',
    "[[URL:golang.org/x/sys]] v0.«digits:2».0 h1:«b64:43»=\n[[URL:golang.org/x/sys]] v0.«digits:2».0/go.mod h1:«b64:43»=\n",
    "packages:\n  /esbuild@0.«digits:2».«digits:1»:\n    resolution: {integrity: sha512-«b64:86»==}\n    engines: {node: '>=18'}\n    hasBin: true\n",
    "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: api\nspec:\n  replicas: 3\n  template:\n    spec:\n      containers:\n        - name: api\n          image: registry.local/api:«semver»\n          env:\n            - name: DB_PASSWORD\n              valueFrom:\n                secretKeyRef: {name: db, key: password}\n          resources:\n            limits: {cpu: 500m, memory: 512Mi}\n",
    'worker_processes auto;\nevents { worker_connections «digits:4»; }\nhttp {\n  keepalive_timeout 65;\n  gzip_min_length 1024;\n  add_header Cache-Control "public, max-age=31536000, immutable";\n  location ~* \\.(?:css|js|woff2)$ { expires 1y; }\n}\n',
    "DB_PASSWORD=${DB_PASSWORD}\nAPI_KEY=<your-api-key>\nSECRET_KEY=changeme\nTOKEN_TTL=3600\nMAX_TOKENS=«digits:4»\nPASSWORD_MIN_LENGTH=12\n",
    "on:\n  push:\n    branches: [main]\njobs:\n  test:\n    runs-on: ubuntu-24.04\n    steps:\n      - uses: actions/checkout@«hex:40»\n      - uses: actions/setup-python@v5\n        with: {python-version: '3.13'}\n      - run: make test\n        env:\n          TOKEN: ${{ secrets.DEPLOY_TOKEN }}\n",
    "repos:\n  - repo: local\n    hooks:\n      - id: format\n        entry: ruff format\n        language: system\n        files: \\.py$\nrev: «hex:40»\n",
    "[mysqld]\ninnodb_buffer_pool_size = «digits:10»\nmax_connections = «digits:3»\nslow_query_log = 1\nlong_query_time = 0.5\nbinlog_expire_logs_seconds = «digits:7»\n",
    "auth:\n  password_policy: strict\n  token_lifetime: 15m\n  secret_ref: projects/demo/secrets/session/versions/latest\n  api_key_header: X-Api-Key\n  credentials_file: /run/secrets/credentials.json\n",
    "name: «uuid»\ncreated: «date»\nchecksum: crc32:«hex:8»\nlicense_key_required: false\naccess_level: 3\n",
]  # fmt: skip

DIFFS = [
    "diff --git a/src/cart.py b/src/cart.py\nindex «hex:7»..«hex:7» 100644\n--- a/src/cart.py\n+++ b/src/cart.py\n@@ -«digits:2»,7 +«digits:2»,9 @@ class Cart:\n     def total(self):\n-        return sum(line.price for line in self.lines)\n+        return sum(\n+            line.price * line.count for line in self.lines\n+        )\n",
    "commit «hex:40» (HEAD -> main, tag: v«semver»)\nDate:   Tue Mar 4 10:22:11 2025 +0100\n\n    Round totals once, at the end\n\n    Fixes #«digits:4».\n",
    "* «hex:7» Merge branch 'feature/coupons'\n|\\\n| * «hex:7» Coupons may not go below zero\n| * «hex:7» Add table of coupons\n|/\n* «hex:7» Start of «semver»\n",
    "«hex:40» refs/heads/main\n«hex:40» refs/tags/v«semver»\n«hex:40» refs/tags/v«semver»^{}\n",
    " src/cart.py   | «digits:2» +++++-----\n tests/cart.py | «digits:2» ++++++++++\n 2 files changed, «digits:2» insertions(+), 11 deletions(-)\n create mode 100644 docs/coupons.md\n",
    "Bump left-pad from «semver» to «semver»\n\n- [Changelog](CHANGELOG.md)\n- Commits: `«hex:7»...«hex:7»`\n\nSigned-off-by is missing, and check 3 of 9 failed after 4m12s.",
]  # fmt: skip

DATA = [
    "CREATE TABLE parts (id bigint PRIMARY KEY, sku text NOT NULL, weight_g int, price_cents int);\nINSERT INTO parts VALUES (1, '«part»', «digits:4», «digits:5»), (2, '«part»', «digits:4», «digits:5»), (3, '«part»', «digits:3», «digits:6»);\n",
    "sku,warehouse,on_hand,reorder_at\n«part»,N4,«digits:3»,50\n«part»,N4,«digits:4»,250\n«part»,S1,«digits:2»,10\n",
    "lat_bin,lon_bin,count\n12,-4,«digits:5»\n13,-4,«digits:5»\n14,-4,«digits:6»\n",
    "t,temp_c,rpm,torque\n0.000,21.«digits:3»,«digits:4»,0.«digits:4»\n0.010,21.«digits:3»,«digits:4»,0.«digits:4»\n0.020,21.«digits:3»,«digits:4»,0.«digits:4»\n",
    "| ISBN | Pages | Shelf |\n|---|---|---|\n| «isbn» | «digits:3» | 4B |\n| «isbn» | «digits:3» | 7A |\n",
    '{"features": [{"id": «digits:9», "area": «digits:6».«digits:2», "ring": [[4.8«digits:4», 52.3«digits:4»], [4.9«digits:4», 52.3«digits:4»]]}]}\n',
    "PO line,qty,unit,EAN\n10,«digits:2»,pcs,4006381333931\n20,«digits:3»,pcs,5901234123457\n",
    "gene\tstart\tend\tscore\nENSG00000«digits:6»\t«digits:8»\t«digits:8»\t0.«digits:5»\nENSG00000«digits:6»\t«digits:8»\t«digits:8»\t0.«digits:5»\n",
    "ACGTTGCAAGGCTTACCGATACGTTGCATGCCGTAAGCTAGCTTGACCATGGTACGATCCGTTAGCATCGATCGGCTA\nMKTAYIAKQRQISFVKSHFSRQLEERLGLIEVQAPILSRVGDGTQDNLSGAEKAVQVKVKALPDAQFEVV\n",
    "account_code,debit,credit\n4000,«digits:5».00,0.00\n4400,0.00,«digits:5».00\n8120,«digits:4».50,0.00\n",
    "1. Nf3 d5 2. g3 c5 3. Bg2 Nc6 4. d4 e6 5. O-O Nf6 6. c4 dxc4 7. Ne5 Bd7 8. Na3 cxd4 9. Naxc4 Be7 10. Qb3 Nxe5\n",
]  # fmt: skip

MANUALS = [
    "4.3.2 Replacing the filter\n\nSwitch the unit off and wait for ten minutes. Loosen screws A and B (Torx 20), lift the cover and pull the filter out. Part number «part». Tighten to 2.5 Nm.",
    "Error codes: E0«digits:2» low pressure; E1«digits:2» sensor fault; F2«digits:2» fan blocked. After three resets within 24 hours the unit locks itself.",
    "Technical data: supply 230 V / 50 Hz, power 1450 W, weight 23.4 kg, dimensions 600 x 450 x 820 mm, noise 42 dB(A), protection IP54, refrigerant R290.",
    "NAME\n       tail - output the last part of files\n\nOPTIONS\n       -n, --lines=[+]NUM\n              output the last NUM lines, instead of the last 10\n       --retry\n              keep trying to open a file if it is inaccessible\n",
    "The recipe makes 12 rolls: 500 g flour, 320 ml water, 10 g salt, 7 g dry yeast. Let it rise for 90 minutes, bake at 230 °C for 18 minutes.",
    "To install version «semver», download the archive, check that its SHA-256 is «hex:64», unpack it and run the installer. Version 10.4.2.1 and older cannot be upgraded in place.",
    "Press MENU for three seconds, choose Settings > Network > Reset and confirm with OK. The LED blinks 4 times. The firmware is now 2.«digits:2».0.«digits:3».",
    "HTTP 429 means that you sent more than 60 requests per minute. Read the header Retry-After, wait for as many seconds, then try again with backoff.",
    "Tolerance H7/g6 for diameters from 18 to 30 mm: hole +21/0 µm, shaft -7/-20 µm. See table 3-14-2 on page «digits:3».",
    "To rotate the password of the service account, open the console, choose Users, and press Reset password. The password must have at least 12 characters.",
]  # fmt: skip

PROSE = [
    "The valley was quiet that morning. Mist lay over the fields, and only the mill wheel kept turning, slowly, as if it had forgotten how to stop.",
    "In this essay I argue that public libraries are worth their cost: they lend tools and rooms as well as books, and they are among the few warm places where nobody has to buy anything.",
    "Can you shorten this to two sentences? The meeting was long, nobody had read the paper, and in the end we agreed to meet again when the figures are there.",
    "Give me ten ideas for a birthday party for eight-year-olds with a budget of «digits:3» euros, indoors, without sweets.",
    "Lorem ipsum dolor sit amet, consectetur adipiscing elit. Nulla facilisi. Sed non risus, suspendisse lectus tortor, dignissim sit amet, adipiscing nec, ultricies sed, dolor.",
    "Explain the difference between a mutex and a semaphore as if I were twelve, with a comparison from a kitchen.",
    "What would happen if the moon were twice as far away? Discuss tides, eclipses and the length of the day.",
    "Der Wald war still, nur der Wind bewegte die Wipfel. Am Abend kam Regen auf, und die Wanderer suchten Schutz in einer Hütte.",
    "Le marché ouvre à huit heures ; on y trouve des légumes, du fromage et du pain, et il vaut mieux venir tôt.",
    "La reunión se aplazó porque faltaban datos. El equipo preparará un informe breve con tres propuestas y sus costes.",
    "Il treno era in ritardo di venti minuti, così abbiamo bevuto un altro caffè e guardato la pioggia dalla finestra.",
    "Write a haiku about compilers, then one about coffee, and tell me which has the better rhythm.",
    "Summarise the pros and cons of four-day weeks for a factory with three shifts and 240 workers.",
    "My token of appreciation is small, but the secret of a good stew is patience; the key is a low flame.",
    "Revenue rose by 4.2 percent to 1,284.5 million, while costs fell by 310 million; the margin was 12.7 percent after 11.9.",
]  # fmt: skip

MATHS = [
    "A box holds 24 apples. If «digits:3» apples are packed, how many boxes are full and how many apples are left over?",
    "Solve for x: 3x^2 - «digits:2»x + 12 = 0. Show each step and check your answer.",
    "A tank of «digits:4» litres is filled at 35 litres a minute and leaks 4 litres a minute. When is it full?",
    "The price of a ticket rose from 12.50 to 14.75. By how many percent? Round to one decimal.",
    "What are the first 12 terms of a(n) = a(n-1) + 2a(n-2) with a(0) = 1, a(1) = 1? 1, 1, 3, 5, 11, 21, 43, 85, 171, 341, 683, 1365",
    "Compute 4294967296 mod 97, 6700417 * 641 and the integer part of sqrt(«digits:9»).",
    "pi is 3.14159265358979323846264338327950288, e is 2.71828182845904523536; which digits do they share?",
    "Two dice are rolled 3600 times. How often do you expect a sum of seven, and how often two sixes?",
]  # fmt: skip

EXAMPLES = [
    "aws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\n",
    "The social security number 078-05-1120 came with a wallet; 123-45-6789 and 000-12-3456 were never given to anybody.",
    "Test with the card [[CREDIT_CARD:4111 1111 1111 1111]], or with [[CREDIT_CARD:4242424242424242]] and any date.",
    "Try [[CREDIT_CARD:5555 5555 5555 4444]] and [[CREDIT_CARD:378282246310005]] in the sandbox.",
    "Replace [[EMAIL_ADDRESS:user@example.com]] and [[EMAIL_ADDRESS:someone@mail.example.org]] by your own address.",
    "Hosts [[IP_ADDRESS:192.0.2.17]], [[IP_ADDRESS:198.51.100.23]] and [[IP_ADDRESS:203.0.113.99]] are for documentation, and so is [[IP_ADDRESS:2001:db8::42]].",
    "Call [[PHONE_NUMBER:(212) 555-0142]] in the film, or [[PHONE_NUMBER:020 7946 0958]] in the series.",
    "The registry shows [[IBAN_CODE:GB82 WEST 1234 5698 7654 32]] and [[IBAN_CODE:DE89 3704 0044 0532 0130 00]] as examples.",
    "Router [[MAC_ADDRESS:00:00:5E:00:53:AF]] stands in RFC 7042.",
    "API_KEY=your_api_key_here\nTOKEN=<token>\nPASSWORD=changeme\nSECRET=xxxxxxxxxxxxxxxx\n",
    "curl -H 'Authorization: Bearer $TOKEN' -u \"$USER:$PASSWORD\" [[URL:https://api.example.com/v1/items]]",
    "postgres://user:password@localhost:5432/db and redis://localhost:6379/0 are the defaults.",
]  # fmt: skip

SETS = {
    "code": CODE, "logs": LOGS, "config": CONFIG, "diffs": DIFFS, "data": DATA,
    "manuals": MANUALS, "prose": PROSE, "maths": MATHS, "examples": EXAMPLES,
}  # fmt: skip


def turns(template: str) -> int:
    """How often a template is filled: text without blanks stands once."""
    return 5 if "«" in template else 1
