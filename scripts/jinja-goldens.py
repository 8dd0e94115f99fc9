"""What Jinja2 makes of expressions and chat templates, for src/text/jinja/golden.test.ts.

    python3 -m venv venv && venv/bin/pip install jinja2==3.1.6
    venv/bin/python scripts/jinja-goldens.py

Writes test/fixtures/jinja/expressions.json and conversations.json. Jinja2 is set up as transformers' apply_chat_template
does it (src/transformers/utils/chat_template_utils.py of 5.x), at a fixed time. Needs Python 3.11 or later.
"""
import copy, itertools, json, os, random, re
from datetime import datetime
import jinja2, jinja2.ext
from jinja2.sandbox import ImmutableSandboxedEnvironment

FIXTURES = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'test', 'fixtures', 'jinja')
NOW = datetime(2025, 7, 6, 5, 7, 9)


class Generation(jinja2.ext.Extension):
    """{% generation %}: marks what the assistant says, and prints it."""
    tags = {'generation'}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(['name:endgeneration'], drop_needle=True)
        return jinja2.nodes.CallBlock(self.call_method('_print'), [], [], body).set_lineno(line)

    def _print(self, caller):
        return caller()


class TemplateDict:
    def __call__(self, *args, **kwargs):
        return dict(*args, **kwargs)

    def fromkeys(self, *args, **kwargs):
        return dict.fromkeys(*args, **kwargs)


class TemplateNamespace(jinja2.utils.Namespace):
    """No attributes that begin with an underscore."""
    def __init__(*args, **kwargs):
        self, args = args[0], args[1:]
        attrs = dict(*args, **kwargs)
        for name in attrs:
            TemplateNamespace._check(name)
        jinja2.utils.Namespace.__init__(self, attrs)

    def __setitem__(self, name, value):
        TemplateNamespace._check(name)
        jinja2.utils.Namespace.__setitem__(self, name, value)

    @staticmethod
    def _check(name):
        if isinstance(name, str) and name.startswith('_'):
            raise jinja2.exceptions.SecurityError(name)


def environment():
    def raise_exception(message):
        raise jinja2.exceptions.TemplateError(message)

    def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
        return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)

    env = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols])
    env.filters['tojson'] = tojson
    env.globals.update(raise_exception=raise_exception, strftime_now=lambda format: NOW.strftime(format), dict=TemplateDict(), namespace=TemplateNamespace)
    return env


ENV = environment()
UNFOLDED = environment()
UNFOLDED.optimized = False
UNFOLDED.finalize = jinja2.pass_context(lambda context, value: value)


def render(source, variables, env=ENV):
    """The text, or None where something is raised."""
    try:
        return env.from_string(source).render(**copy.deepcopy(variables))
    except (RecursionError, MemoryError):
        raise
    except Exception:
        return None


# --- expressions ---------------------------------------------------------------------------------------------------

VARIABLES = {
    'messages': [
        {'role': 'system', 'content': ' Be brief. '},
        {'role': 'user', 'content': 'Hi <b>you</b> & "them"'},
        {'role': 'assistant', 'content': 'Größe: 5\n\tΣΊΣΥΦΟΣ 👍🏽', 'reasoning_content': 'Hm.'},
        {'role': 'assistant', 'content': None, 'tool_calls': [{'id': 'c1', 'type': 'function', 'function': {'name': 'get_time', 'arguments': {'zone': 'UTC', 'n': 3, 'deep': [1, {'a': None}]}}}]},
        {'role': 'tool', 'tool_call_id': 'c1', 'content': '12:00'},
        {'role': 'user', 'content': [{'type': 'text', 'text': 'One'}, {'type': 'image'}, {'type': 'text', 'text': 'two'}]},
    ],
    'tools': [{'type': 'function', 'function': {'name': 'get_time', 'description': "Tells 'the' time", 'parameters': {'type': 'object', 'properties': {'zone': {'type': 'string', 'enum': ['UTC', 'CET']}}, 'required': ['zone']}}}],
    'documents': None, 'add_generation_prompt': True, 'bos_token': '<s>', 'eos_token': '</s>', 'text': 'Lorem ipsum dolor-sit amet, consectetur adipiscing elit',
    'number': 42, 'half': 0.5, 'flag': False, 'empty': '', 'names': ['bob', 'Alice', 'carol', 'alice'], 'd': {'b': 2, 'a': 1, 'C': 3},
}

VALUES = ['none', 'true', 'false', '0', '1', '-7', '42', '255', '1.0', '-2.5', '0.1', '1e3', '1e20', '1.5e-7', "''", "'a'", "'Hello World'", "' pad '", "'12'", "'-3.5'", "'abc-def ghi'", "'a\\nb\\n\\nc'",
          "'<b>&\"x\\''", "'ß👍é'", '[]', '[1, 2, 3]', "['b', 'a', 'C']", "[3, 1.5, true]", "[none, 1, '']", '[[1, 2], [3]]', "(1, 'x')", '()', '{}', "{'a': 1, 'B': [2], 'c': none}", "{1: 'x', 2.5: 'y', none: 'z'}",
          'range(4)', 'nope', 'messages[0]', 'messages[1].content', 'd.items()', 'd.keys()', 'namespace(a=1)', "'<i>'|safe"]
SIMPLE = ['none', 'true', '0', '3', '-7', '2.5', '1e20', "'a'", "'ab'", "''", "'%s-'", '[1]', "['a', 'b']", '(1, 2)', '{}', "{'a': 1}", 'nope', 'range(3)', "'<'|safe", 'd.values()']
OPERATORS = ['+', '-', '*', '/', '//', '%', '**', '~', '==', '!=', '<', '<=', '>', '>=', 'in', 'not in', 'and', 'or']

FILTER_CALLS = """abs attr('upper') attr('nope') attr('items') batch(2)|list batch(2,'x')|list batch(linecount=3)|list capitalize center(9) center(width=5) default('d') default('d',true) default(boolean=true,default_value=1)
d('x') dictsort dictsort(true) dictsort(by='value') dictsort(reverse=true) dictsort(false,'value') dictsort(by='no') escape e filesizeformat filesizeformat(true) first float float(1.5) float(default='x') forceescape format(1) format('a','b') format(a=1)
groupby('role') groupby(0) groupby('a',default='z') indent indent(2) indent(2,true) indent('> ',blank=true) indent(width=1,first=true,blank=true) int int(7) int(0,16) int(default=none) int(base=2) items|list join join(',') join(', ',attribute='role') join(d='-')
last length count list lower map('upper')|list map('length')|list map(attribute='role')|list map(attribute='nope',default='-')|list map(attribute='a')|list map(attribute=0)|list map('default','x')|list map|list map('nofilter')|list map('tojson')|list max min max(attribute='a') min(case_sensitive=true) max(true)
pprint reject|list reject('none')|list reject('odd')|list reject('in',[1,2])|list rejectattr('role')|list rejectattr('tool_calls','defined')|list rejectattr('role','equalto','user')|list replace('a','XX') replace('a','b',1) replace('','-') replace(1,2) replace(old='l',new='L',count=1) reverse reverse|list
round round(1) round(2,'floor') round(0,'ceil') round(-1) round(precision=1,method='common') round(1,'no') safe select|list select('string')|list select('gt',1)|list select('==',1)|list select('divisibleby',3)|list select('nosuch')|list selectattr('role')|list selectattr('tool_calls','undefined')|list selectattr('role','in',['user','tool'])|list selectattr('content','string')|list
selectattr|list slice(2)|list slice(3,'f')|list slice(slices=2)|list sort sort(true) sort(reverse=true,case_sensitive=true) sort(attribute='role') sort(attribute='1,0') sort(attribute='a') string striptags sum sum(start=10) sum(attribute='a') sum(start=[]) title tojson tojson(true) tojson(indent=2) tojson(indent='\\t') tojson(ensure_ascii=true) tojson(separators=(',',':')) tojson(sort_keys=true) tojson(indent=4,separators=(',',': '),sort_keys=true) tojson(indent=0) tojson(4)
trim trim('a ') trim(chars='xH') truncate(5) truncate(5,true) truncate(7,false,'…',0) truncate(2) truncate(length=4,leeway=0) unique|list unique(true)|list unique(attribute='role')|list upper urlencode urlize wordcount wordwrap(5) wordwrap(10,false) wordwrap(6,true,'|') wordwrap(8,break_on_hyphens=false) xmlattr xmlattr(false) nofilter length(1) upper(1) join(1,2,3) default(nokeyword=1)""".split()

TEST_CALLS = """boolean callable defined divisibleby(3) divisibleby(0) eq(1) equalto('a') escaped even false filter float ge(1) gt(0) greaterthan('a') in([1,'a',none]) in('abc') in({'a':1}) integer iterable le(1) lower lt(2) lessthan('z') mapping ne(1) none number odd sameas(none) sameas(true) sequence string test true undefined upper notest defined(1) divisibleby""".split()

STRINGS = ["'Hello World'", "'  x y  '", "''", "'ab12'", "'ÄÖ ß ﬁ ǆ'", "'👍 a👍'", "'ΣΊΣΥΦΟΣ'", "'a,b,,c'", "'--x--'", "'Ab\\tc\\nd\\r\\ne'", "'123'", "'½²٣'", "'tEsT cAsE it\\'s'"]
METHOD_CALLS = """capitalize() casefold() center(11) center(12,'*') center(3,'ab') count('a') count('l') count('') count('a',1) count('a',-2,9) encode endswith('d') endswith(('x','d')) endswith('',50) endswith('o',0,5) expandtabs() expandtabs(4) expandtabs(tabsize=2) find('l') find('zz') find('a',1) find('l',4,8) find('',3) find('',99) format() index('l') isalnum() isalpha() isascii() isdecimal() isdigit() isidentifier() islower() isnumeric() isprintable() isspace() istitle() isupper()
join(['1','2']) join('xyz') join([1]) join(['a']) ljust(8) ljust(7,'.') lower() lstrip() lstrip('-H ') partition(',') partition('l') partition('') removeprefix('He') removeprefix('') removesuffix('ld') removesuffix('') replace('l','L') replace('l','L',1) replace('','.') replace('','.',2) replace('a','') rfind('l') rfind('a',0,3) rindex('q') rjust(6) rjust(14,'0') rpartition(',') rpartition('l') rsplit() rsplit(',',1) rsplit(none,1) rsplit(maxsplit=1) rsplit(sep='l',maxsplit=1) rstrip() rstrip('-d') split() split(',') split(',',1) split('l',0) split(none,1) split(sep=',',maxsplit=2) split('') split(maxsplit=0) splitlines() splitlines(true) splitlines(keepends=true)
startswith('H') startswith(('a',' ')) startswith('l',2) startswith('x',1,2) startswith([]) strip() strip('-') strip(' x') strip('') swapcase() title() translate({97:'A',98:none,99:120}) upper() zfill(8) zfill(3) nomethod() __class__ format_map({}) upper(1) split(1) count()""".split()

OTHER = """d.get('a')|d.get('zz')|d.get('zz','x')|d.get(none)|d.get([])|d.keys()|d.values()|d.items()|d.copy()|d.pop('a')|d.update({})|d.setdefault('q',1)|d.clear()|dict(a=1,b='x')|dict([('a',1)],b=2)|dict({'a':1})|dict([1])|dict.fromkeys(['a','b'],0)|dict.fromkeys('ab')
[1,2,1].count(1)|[1,2,1].index(2)|[1].index(5)|[1].append(2)|[1,2].copy()|(1,2,1).count(1)|(1,2).index(2)|[3,1].sort()|[1,2].reverse()|range(5).index(3)|range(0,10,3)|range(10,0,-3)|list|range(5)[1:3]|range(5)[-1]|range(3)==range(0,3)|range(3)[5]|range(200000)|range()|range(0,5,0)|range(1.5)
(5).bit_length()|5 .real|2.5.is_integer()|(2.0).is_integer()|true.real|cycler()|joiner()()|namespace(a=1).a|namespace(a=1).b|namespace({'x':2}).x|namespace(_x=1)|namespace(a=1)['a']|namespace(1)|strftime_now('%Y-%m-%d')|strftime_now(5)|strftime_now()|raise_exception('no')|raise_exception()|lipsum is defined|none.x|none.x.y|nope.x|nope['x']|nope()|nope[1:]|none[1:]|5[0]|5.x|'abc'.x|'abc'['upper']()|'abc'[0]|'abc'[-1]|'abc'[3]|'abc'['a']|'abc'[1.0]|'abc'[true]|[1,2][none]|[1,2][-2]|[1,2][-3]|[1,2][1.0]|(1,2)[0]|{1:2}[1]|{1:2}[true]|{1:2}[1.0]|{'a':{'b':3}}.a.b|{'a':1}['b']|{'items':1}.items|{'items':1}['items']|{'_a':1}._a|{(1,2):3}[1,2]|{[1]:2}|{'a':1,'a':2}|{1:'a',true:'b',1.0:'c'}|messages[0].role|messages[0]['content']|messages[-1].content[0].text|messages.0.role|messages[99].role|messages[99]|messages[1:3]|length|messages[::-1]|map(attribute='role')|join(' ')|messages|length|d|length|tools|tojson|messages|tojson(indent=1)|messages|first|messages|last|tojson|messages[3]|string|messages[2].content|length|messages[2].content[::-1]|messages[2].content.split()|messages[2].content|lower|messages[2].content|upper|messages[2].content|title|messages[2].content|tojson(true)|tools[0].function.parameters.properties.items()|list|tools[0].function.parameters|dictsort|
1 < 2 < 3|3 > 2 > 2|1 == 1.0 == true|1 < 'a'|1 if flag else 2|1 if flag|(1 if flag) is defined|'a' 'b'|'a' ~ 1 ~ none ~ 1.0 ~ [1] ~ nope|not nope|not not 1|-2**2|2**-1|2**3**2|-(-3)|+true|- 'a'|-nope|1 in [1.0]|'a' not in 'abc'|1 is not none|4 is divisibleby 2|1 is eq 1|'x' is in ['x']|[] is sameas []|7//2|-7//2|7//-2|-7%3|7%-3|7.5//2|-7.5%2|7%2.5|1/3|2/1|10**20|10**25//7|1e308*10|5%0|5/0|5//0.0|0.1+0.2|1e16|1e15|123456789012345678901234567890|1_000|0x1F|0b101|0o17|1.5e3|1E5|.5|1.|007|1__0|'\\x41\\u00e9\\U0001f44d\\101\\n\\q'|"it's"|'say "hi"'|'both \\' and "'|['it\\'s','"','\\n\\t\\\\','\\x00\\x7f\\xa0é👍\\u200b\\ufeff']|[1.0,2,1e20,0.1,none,true]|(1,)|()|[(),[],{}]|{'a':(1,2)}|{'k':none}|1,2|true,|[1,2]+[3]|[1]*3|3*'ab'|(1,)+(2,)|[1]+(2,)|'a'+1|'a'*-1|'a'*1.0|[1,2]==[1,2]|[1]==(1,)|{'a':1}=={'a':1.0}|'a'<'b'|'B'<'a'|'\\uffff'<'👍'|[1,2]<[1,3]|[1]<[1,0]|(1,'a')<(1,2)|none<1|none==none|nope==nope2|nope!=none|true+true|true==1|1 is integer|true is integer|none is none|nope is none|'%s'%'x'|'%s %s'%('a',1)|'%(a)s'%{'a':1}|'%d'%3.7|'%d'%'x'|'%5d|%-5d|%05d'%(1,2,3)|'%+d % d'%(1,2)|'%x %X %o %#x'%(255,255,8,255)|'%.2f %8.3f %-8.1f|'%(3.14159,2.5,1)|'%e %.1E %g %g %g'%(12345.678,0.00012,1e10,0.0001,100000)|'%r %a'%('é','é')|'%c%c'%(65,'b')|'%%'%()|'%s'|'%s'%()|'%s'%(1,2)|'x'%1|'x'%[]|'%*d'%(5,1)|'%.3s|'%'abcdef'|'%5s|%-5s|'%('a','b')|'%i'%true|'%f'%2|'%.0f %.0f %.0f'%(0.5,1.5,2.5)|'%s'%none|'%s'%nope|'%y'%1|'%'%1
'{}'.format(1)|'{0} {1} {0}'.format('a','b')|'{a}'.format(a=1)|'{} {x}'.format(1,x=2)|'{}{0}'.format(1)|'{1}'.format(0)|'{b}'.format(a=1)|'{:>5}|{:<5}|{:^5}|'.format('a','b','c')|'{:*^7}'.format('x')|'{:05d}'.format(42)|'{:+.2f}'.format(3.14159)|'{:,}'.format(1234567)|'{:,.2f}'.format(1234567.891)|'{:_}'.format(1234567)|'{:x} {:X} {:o} {:b} {:#x} {:#b}'.format(255,255,8,5,255,5)|'{:e} {:.1e} {:g} {:G}'.format(12345.6,0.5,1e-7,1e20)|'{:%}'.format(0.25)|'{:.1%}'.format(0.256)|'{:.3}'.format('abcdef')|'{:.3}'.format(3.14159)|'{:.3}'.format(100.0)|'{:10.4}|'.format(2.5)|'{:n}'.format(5)|'{:c}'.format(65)|'{!r} {!s} {!a}'.format('é','é','é')|'{0.real}'.format(5)|'{0[a]} {0[b]}'.format({'a':1,'b':2})|'{0[1]}'.format([1,2])|'{m.role}'.format(m=messages[0])|'{{}} {}'.format(1)|'{'.format(1)|'}'.format(1)|'{:{}}'.format('a',5)|'{:{w}.{p}f}'.format(3.14159,w=8,p=2)|'{:d}'.format('a')|'{:s}'.format(1)|'{:d}'.format(1.5)|'{:5}|{:5}|'.format(1,'a')|'{:>5}'.format(true)|'{:d}'.format(true)|'{}'.format(true)|'{:5}'.format(none)|'{}'.format(none)|'{}'.format([1,'a'])|'{: d}{:-d}'.format(1,1)|'{:=+6d}'.format(5)|'{:06.1f}'.format(-2.55)|'{:<06}|'.format(5)|'{!x}'.format(1)|'{:.2f}'.format(2.675)|'{:.0f}'.format(0.5)|'{:.1f}'.format(2.25)|'{:,}'.format(-1234.5)|'{:010,}'.format(1234)|'{a[b][0]}'.format(a={'b':[9]})|'{}'.format(nope)|'{0._x}'.format('a')""".replace('\n', '|')

# Pipes are filters too: cut where one is not within an expression.
def expressions(text):
    parts, out = text.split('|'), []
    for part in parts:
        starts_filter = out and part.split('(')[0].strip() in FILTER_NAMES and not (out[-1].count("'") % 2) and part.split('(')[0].strip() != ''
        open_quote = out and (out[-1].count("'") - out[-1].count("\\'")) % 2 and (out[-1].count('"')) % 2 == 0
        if starts_filter or open_quote:
            out[-1] += '|' + part
        else:
            out.append(part)
    return [each for each in out if each.strip()]


FILTER_NAMES = set(ENV.filters)

STATEMENTS = [
    "{% for x in [1,2,3] %}{{ x }}{% if not loop.last %},{% endif %}{% endfor %}", "{% for x in [] %}a{% else %}none{% endfor %}", "{% for x in nope %}a{% else %}none{% endfor %}", "{% for x in none %}a{% endfor %}", "{% for x in 5 %}a{% endfor %}",
    "{% for x in 'aé👍' %}[{{ x }}]{% endfor %}", "{% for k in {'a':1,'b':2} %}{{ k }}{% endfor %}", "{% for k, v in {'a':1,'b':2}.items() %}{{ k }}={{ v }};{% endfor %}", "{% for a, b in [(1,2),(3,4)] %}{{ a+b }} {% endfor %}", "{% for a, b in [(1,2,3)] %}{{ a }}{% endfor %}", "{% for a, (b, c) in [(1,(2,3))] %}{{ a }}{{ b }}{{ c }}{% endfor %}",
    "{% for x in [1,2,3,4] if x % 2 == 0 %}{{ loop.index }}:{{ x }}/{{ loop.length }} {% endfor %}", "{% for x in range(5) %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }} {% endfor %}",
    "{% for x in 'abc' %}{{ loop.previtem }}{{ loop.nextitem }}{{ loop.previtem is defined }}|{% endfor %}", "{% for x in [1,2,3] %}{{ loop.cycle('a','b') }}{% endfor %}", "{% for x in [1,1,2] %}{{ loop.changed(x) }}{% endfor %}", "{% for x in [1] %}{{ loop.cycle() }}{% endfor %}", "{% for x in [1,2] %}{{ loop }}{{ loop|length }}{% endfor %}", "{% for x in [1] %}{{ loop.depth }}{{ loop.depth0 }}{{ loop.nope is defined }}{% endfor %}{{ loop is defined }}",
    "{% for x in [1,2,3] %}a{{ x }}{% if x == 2 %}{% continue %}{% endif %}b{% endfor %}", "{% for x in [1,2,3] %}a{{ x }}{% if x == 2 %}{% break %}{% endif %}b{% endfor %}c", "{% for x in [1,2] %}{% for y in [1,2] %}{% if y == 2 %}{% break %}{% endif %}{{ x }}{{ y }}{% endfor %};{% endfor %}", "{% break %}", "{% for x in [1] %}{% break %}{% else %}e{% endfor %}", "{% for x in [1,2] %}{% set y %}a{% continue %}b{% endset %}{{ y }}{% endfor %}z", "{% for x in [1,2] %}{% filter upper %}a{{ x }}{% if x == 1 %}{% continue %}{% endif %}b{% endfilter %}c{% endfor %}", "{% for x in [1] %}{% macro m() %}{% break %}{% endmacro %}{% endfor %}", "{% for x in [1] %}{% generation %}{% break %}{% endgeneration %}{% endfor %}",
    "{% for x in [1,[2,[3]]] recursive %}{% if x is iterable %}({{ loop(x) }}){% else %}{{ x }}d{{ loop.depth }}{% endif %}{% endfor %}", "{% for x in [1] %}{{ loop([1]) }}{% endfor %}", "{% for x in range(3) %}{% set y = x %}{% endfor %}{{ y is defined }}", "{% set y = 9 %}{% for x in [1,2] %}{{ y }}{% set y = x %}{{ y }};{% endfor %}{{ y }}", "{% set ns = namespace(n=0, s='') %}{% for x in [1,2] %}{% set ns.n = ns.n + x %}{% set ns.s = ns.s ~ x %}{% endfor %}{{ ns.n }}{{ ns.s }}{{ ns }}", "{% set ns = namespace() %}{% set ns._x = 1 %}", "{% set d = {} %}{% set d.x = 1 %}", "{% set ns = namespace(found=false) %}{% for x in [1,2,3] if not ns.found %}{{ x }}{% if x == 2 %}{% set ns.found = true %}{% endif %}{% endfor %}",
    "{% if 0 %}a{% elif '' %}b{% elif [0] %}c{% else %}d{% endif %}", "{% if nope %}a{% else %}b{% endif %}", "{% if nope.x %}a{% endif %}", "{% if true %}{% set x = 1 %}{% endif %}{{ x }}", "{% if false %}{% set bos_token = 1 %}{% endif %}{{ bos_token }}", "{% if 1, 2 %}t{% endif %}",
    "{% set a, b = 1, 2 %}{{ a }}{{ b }}", "{% set a, b = [1] %}", "{% set x = 1, 2 %}{{ x }}", "{% set x %}a{{ 1 }}b{% endset %}{{ x }}", "{% set x | upper | trim %} abc {% endset %}[{{ x }}]", "{% set true = 1 %}", "{% set x = %}", "{% set x.y = 1 %}", "{% set none %}{% endset %}", "{% set (a, b) = (1, 2) %}{{ b }}",
    "{% macro f(a, b=2, c=b) %}{{ a }}{{ b }}{{ c }}{% endmacro %}{{ f(1) }}{{ f(1, 3) }}{{ f(a=5, c='x') }}", "{% macro f(a) %}{{ a is defined }}{{ a }}{% endmacro %}{{ f() }}", "{% macro f(a) %}{% endmacro %}{{ f(1, 2) }}", "{% macro f(a) %}{% endmacro %}{{ f(b=2) }}", "{% macro f() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ f(1, 'a', x=2) }}", "{% macro f(a) %}{{ a }}{{ varargs }}{% endmacro %}{{ f(*[1,2,3]) }}", "{% macro f(a, b) %}{{ a }}{{ b }}{% endmacro %}{{ f(**{'a':1,'b':2}) }}{{ f(1, **{'b':3}) }}", "{% macro f() %}x{% endmacro %}{{ f }}{{ f.name }}{{ f.arguments }}{{ f.caller }}{{ f.catch_kwargs }}", "{% macro f(x) %}<{{ caller() }}{{ x }}>{% endmacro %}{% call f(1) %}in{% endcall %}", "{% macro f() %}{{ caller(1, b=2) }}{% endmacro %}{% call(a, b=3) f() %}{{ a }}{{ b }}{% endcall %}", "{% macro f() %}x{% endmacro %}{% call f() %}y{% endcall %}", "{% macro f() %}{{ caller is defined }}{% endmacro %}{{ f() }}", "{% macro f(n) %}{% if n > 0 %}{{ n }}{{ f(n-1) }}{% endif %}{% endmacro %}{{ f(5) }}", "{% macro f() %}{{ f() }}{% endmacro %}x", "{% macro f() %}{{ y }}{% endmacro %}{% set y = 3 %}{{ f() }}", "{% set y = 1 %}{% macro f() %}{{ y }}{% set y = 2 %}{{ y }}{% endmacro %}{{ f() }}{{ y }}", "{% macro f(x) %}{% for i in x %}{{ loop.index }}{{ i }}{% endfor %}{% endmacro %}{% for a in [1] %}{{ f('ab') }}{% endfor %}", "{% for x in [1,2] %}{% macro g() %}{{ x }}{% endmacro %}{{ g() }}{% endfor %}", "{% macro m(caller) %}{{ caller }}{% endmacro %}", "{% macro m(a, a2=1, b) %}{% endmacro %}", "{% macro f(text) %}{{ text }}{% endmacro %}{{ f('x') }}{{ text|length }}",
    "{% filter upper %}a{{ 'b' }}{% endfilter %}", "{% filter replace('a','b')|upper %}abc{% endfilter %}", "{% with a = 1, b = a %}{{ a }}{{ b }}{% endwith %}{{ a is defined }}", "{% with %}{% set q = 1 %}{{ q }}{% endwith %}{{ q is defined }}", "{% set a = 5 %}{% with a = 1, b = a %}{{ a }}{{ b }}{% endwith %}", "{% print 1, 'a', none %}", "{% block a %}x{{ bos_token }}{% endblock %}{{ self.a() }}", "{% set z = 1 %}{% block a %}{{ z }}{% endblock a %}", "{% for i in [1] %}{% block a %}{{ i is defined }}{% endblock %}{% endfor %}", "{% generation %}x{{ 1 }}{% set k = 1 %}{% endgeneration %}{{ k is defined }}", "{% include 'x' %}", "{% include 'x' ignore missing %}", "{% import 'x' as y %}", "{% from 'x' import y %}", "{% extends 'x' %}", "{% if false %}{% include 'x' %}{% endif %}ok", "{% autoescape true %}{{ '<b>' }}{{ '<b>'|safe }}{{ empty ~ '<' ~ '>'|safe }}{% endautoescape %}{{ '<b>' }}", "{% autoescape true %}{% set x %}<{{ '<' }}{% endset %}{{ x }}{% endautoescape %}", "{% do 1 %}", "{% unknown %}", "{% raw %}{{ x }}{% endraw %}", "{% raw %}\n  a\n  {% endraw %}\nb", "a\n  {%- raw -%}  {{ }}  {%- endraw -%}  b", "{# comment #}a{# b\nc #}", "{#- x -#} a", "a {#- x #}\nb", "{% set loop = 1 %}{{ loop }}", "{% for loop in [1] %}{% endfor %}",
    "{% if true %}\n  a\n{% endif %}\n  {% if true %}\nb{% endif %}\n", "  {% set x = 1 %}\n  {{ x }}\n", "a\n\n{%- if true %} b {%- endif -%}\n\n c", "{{ 1 -}}\n  x {{- 2 }}", "a {%+ if true %} b {% endif +%}\nc", "\t{%+ set x = 1 +%}\n{{ x }}", "x {% if true %}y{% endif %}", "   {# c #}\nz", "a\r\nb\rc\n", "\n\n{{ 1 }}\n\n", "{{- 'a' -}}", "{%- for x in [1,2] -%}\n {{ x }}\n {%- endfor %}", "{{ '{{' }}{{ '%}' }}", "{{ {'a': {'b': 1}}['a']['b'] }}", "{{ {} }}", "{{ 'a", "{{ a", "{% if %}x{% endif %}", "{% if true %}", "{{ }}", "{{ 1 2 }}", "{{ (1 }}", "{{ [1, }}", "{{ a b }}", "{% endif %}", "{{ 1 if }}", "{{ x.1a }}", "{{ . }}", "{{ 'a'|  }}", "{{ 1 is }}", "{{ 1 is not }}", "{{ $x }}", "{{ x! }}", "{{ ü }}", "{{ x['a'].b(1)|upper is defined }}", "{# unclosed", "{% raw %}x", "{%if true%}a{%endif%}", "{{1}}", "{{ f(a=1, 2) }}", "{{ f(a=1, a=2) }}", "{{ [1, 2,] }}{{ (1,) }}{{ {'a': 1,} }}", "{{ 'a' if true else 'b' if false else 'c' }}", "{{ true and 'x' or 'y' }}", "{{ [1,2,3] | map('string') | join('-') ~ '!' }}", "{{ 1 + 2 ~ 3 * 4 }}", "{{ not 1 == 2 }}", "{{ 'a' in 'abc' and 1 not in [2] }}", "{{ -1 | abs }}", "{{ (-1) | abs }}", "{{ 2 ** 2 | string }}", "{{ 'a' ~ 'b' | upper }}", "{{ x is defined and x.y }}", "{{ 1 is defined is true }}", "{{ 'a' is string and 1 is number }}", "{% if 'nofilter' is filter %}{{ 1|nofilter }}{% else %}no{% endif %}", "{{ 1|nofilter if false else 2 }}", "{% if false %}{% for x in [1] %}{{ 1|nofilter }}{% endfor %}{% endif %}ok", "{% if true %}{{ 1|nofilter }}{% endif %}", "{% if false %}{{ 1 is notest }}{% endif %}ok",
    "{% for m in messages %}{{ tools_x }}{% endfor %}{% set tools_x = 1 %}", "{% for m in [1] %}{{ bos_token }}{% endfor %}{% set bos_token = 1 %}", "{{ bos_token }}{% for m in [1] %}{{ bos_token }}{% endfor %}{% set bos_token = 1 %}{{ bos_token }}", "{% macro f() %}{{ bos_token }}{% endmacro %}{{ f() }}{% set bos_token = 1 %}{{ f() }}", "{% for i in [1,2] %}{% for j in [1] %}{{ bos_token }}{% endfor %}{% set bos_token = i %}{% endfor %}{{ bos_token }}", "{% for i in [1,2] %}{% if i == 2 %}{{ bos_token }}{% endif %}{% set bos_token = i %}{% endfor %}", "{% if flag %}{% set number = 1 %}{% endif %}{% for i in [1] %}{{ number }}{% endfor %}", "{% set x = x or 'd' %}{{ x }}", "{% set bos_token = bos_token ~ '!' %}{{ bos_token }}", "{% set tools = tools if tools is defined else none %}{{ tools|length }}",
    "{% set g = names|map('upper') %}{{ g|list }}{{ g|list }}", "{% set g = [1,2,3]|select('odd') %}{% for x in g %}{{ x }}{{ loop.last }}{% endfor %}{{ g|list }}", "{{ names|map('upper')|length }}", "{{ (names|map('upper'))[0] is defined }}", "{{ 'x' if names|select else 'y' }}", "{{ names|map('upper')|first }}{{ names|reverse|first }}", "{{ names|map('upper')|last }}", "{% set r = names|reverse %}{{ r|list }}{{ r|list }}", "{{ [1,2]|map('nofilter') is defined }}", "{{ names|unique|sort|join(' ') }}", "{{ d|items|list }}{{ d.items()|first }}", "{{ nope|items|list }}", "{{ messages|groupby('role')|map(attribute='grouper')|join(',') }}", "{% for g in messages|groupby('role') %}{{ g.grouper }}{{ g.list|length }}{{ g[0] }}{% endfor %}", "{{ messages|groupby('role')|map('first')|list }}", "{{ names|groupby(0) }}",
    "{% set c = cycler('a','b') %}{{ c.next() }}{{ c.current }}{{ c.next() }}{{ c.next() }}{{ c.reset() }}{{ c.current }}", "{% set j = joiner('|') %}{{ j() }}a{{ j() }}b", "{% set x = 'a'|safe %}{{ x + '<' }}{{ '<' + x }}{{ x ~ '<' }}{{ x * 2 }}{{ x == 'a' }}{{ [x] }}", "{{ ('<%s>'|safe) % '<' }}{{ ('{}'|safe).format('<') }}{{ ('&'|safe).join(['<', 'a'|safe]) }}", "{{ ('a'|safe).replace('a','<') }}{{ ('<a>'|e).unescape() }}{{ ('x<b>y</b> z'|safe).striptags() }}", "{{ '<'|e|upper }}{{ ('a b'|safe).split()|list }}{{ ('ab'|safe)[0] }}{{ [('ab'|safe)[0]] }}", "{{ [1,2]|tojson|safe + '<' }}",
]


def fuzz(values, errors, seed=20):
    """Random expressions of some depth: so many that have a value, and so many that raise."""
    rng = random.Random(seed)
    atoms = VALUES + ['names', 'd', 'text', 'number', 'half', 'messages', 'tools', 'bos_token', "'%d'", '2', '-1', "'l'", '[[1, "a"], [0, "b"]]']
    filters = [call for call in FILTER_CALLS if 'random' not in call]
    def make(depth):
        if depth == 0:
            return rng.choice(atoms)
        kind = rng.randrange(9)
        if kind < 3:
            return f'{make(depth - 1)}|{rng.choice(filters)}'
        if kind == 3:
            return f'({make(depth - 1)} {rng.choice(OPERATORS)} {make(depth - 1)})'
        if kind == 4:
            return f'({make(depth - 1)}).{rng.choice(METHOD_CALLS)}' if rng.random() < .7 else f'({make(depth - 1)})[{rng.choice(["0", "-1", "1:", ":2", "::-1", "1:-1", "-2:", "5", "::2", chr(39) + "a" + chr(39)])}]'
        if kind == 5:
            return f'({make(depth - 1)} is {rng.choice(["", "not "])}{rng.choice(TEST_CALLS)})'
        if kind == 6:
            return f'[{make(depth - 1)}, {make(0)}]'
        if kind == 7:
            return f'{{{make(0)}: {make(depth - 1)}}}'
        return f'({make(depth - 1)} if {make(0)} else {make(0)})'
    kept = {True: [], False: []}
    while len(kept[True]) < values or len(kept[False]) < errors:
        source = '{{ ' + make(rng.choice([2, 2, 3, 3, 4])) + ' }}'
        raises = render(source, VARIABLES) is None
        if len(kept[not raises]) < (errors if raises else values):
            kept[not raises].append(source)
    return kept[True] + kept[False]


def sections():
    wrap = lambda expression: '{{ ' + expression + ' }}'
    operand = lambda value: value if value[0] in "['(" or value.isidentifier() else f'({value})'
    rng = random.Random(1)
    yield 'filters', [wrap(f'{operand(value)}|{call}') for call in FILTER_CALLS for value in VALUES]
    yield 'tests', [wrap(f'{operand(value)} is {call}') for call in TEST_CALLS for value in VALUES]
    yield 'methods', [wrap(f'{value}.{call}') for call in METHOD_CALLS for value in STRINGS]
    pairs = [wrap(f'{operand(a)} {operator} {operand(b)}') for operator in OPERATORS for a, b in itertools.product(SIMPLE, SIMPLE)]
    # The last digit of a broken power is the C library's own.
    yield 'operators', [each for each in rng.sample(pairs, 2600) if '** (2.5)' not in each]
    bounds = ['', '0', '1', '-1', '2', '-2', '9', '-9', 'none']
    slices = [f'{value}[{a}:{b}{":" + c if c else ""}]' for value in ["'abcde'", "'a👍b👎'", '[1, 2, 3]', '(1, 2, 3)', 'range(5)'] for a in bounds for b in bounds for c in ['', '1', '-1', '2', '-2', '0']]
    yield 'slices', [wrap(each) for each in rng.sample(slices, 500)]
    yield 'others', [wrap(each) for each in expressions(OTHER)]
    yield 'strftime', [wrap(f"strftime_now('{field}')") for field in ['%' + c for c in 'aAbBcCdDeFgGhHIjklmMnpPrRStTuUVwWxXyYzZ%f'] + ['%-d', '%-m', '%_d', '%-I:%M %p', '%^a', '%#Z', '%d %B %Y', '%b %d, %Y', '%5Y', '%q', '%', '%-', 'x%']]
    yield 'statements', STATEMENTS
    texts = ['0123456789', 'ÀÉÎõüÿŸßŉǰ', 'ǄǅǆǇǈǉǊǋǌǱǲǳ', 'αβγΔΩάΐΰς', 'привет МИР ёЁ', 'ﬀﬁﬂﬃﬄﬅﬆ', 'ⅰⅳⅧⓐⓏ', 'ＡＢｃｄ１２', '你好，世界。', 'こんにちはカタカナ', '한국어', 'مرحبا ١٢٣', 'שלום', 'हिन्दी ४५६', 'ไทย', 'İıſKÅ', 'ªºᵃᴬ', '🄰🎉👨‍👩‍👧', '\u00ad\u200d\u2028\u2029\u3000', '²³¹½¾①⑩㈠一二三']
    calls = ['upper()', 'lower()', 'title()', 'capitalize()', 'swapcase()', 'casefold()', 'isalpha()', 'isalnum()', 'isdigit()', 'isdecimal()', 'isnumeric()', 'isupper()', 'islower()', 'istitle()', 'isprintable()', 'isspace()', 'isidentifier()', 'split()', 'strip()', 'splitlines()']
    yield 'unicode', [wrap(f"'{text}'.{call}") for text in texts for call in calls] + [wrap(f"['{text}']{more}") for text in texts for more in ['', '|tojson', '|tojson(true)', '|map("title")|list', '|map("wordcount")|list', '|map("length")|list']]
    floats = ['0.1', '1e-5', '1e-4', '123456.789', '1e15', '1e16', '1e17', '5e-324', '1.7976931348623157e308', '0.30000000000000004', '2.675', '1.005', '-0.0', '100.0', '3.0e-10', '12345678.9', '0.5', '1.5', '2.5', '1e22', '1e23', '9007199254740993.0']
    shapes = ['{x}', '{x}|round', '{x}|round(1)', '{x}|round(2)', '{x}|round(-2)', '{x}|round(1,"ceil")', '{x}|int', '{x}|string', '[{x}]|tojson', "'%.3f'%{x}", "'%g'%{x}", "'%e'%{x}", "'{{:.2f}}'.format({x})", "'{{:.4}}'.format({x})", "'{{:,}}'.format({x})", '{x}//0.3', '{x}%0.7', '-{x}', '{x}*3', '{x}|filesizeformat']
    yield 'floats', [wrap(shape.format(x=x)) for x in floats for shape in shapes]
    yield 'fuzz', fuzz(2500, 500)


def write_expressions():
    out = {}
    for name, sources in sections():
        cases = []
        for source in dict.fromkeys(sources):
            want = render(source, VARIABLES)
            # Jinja2 computes constants when it compiles, by rules that are a little different from those of running.
            if want != render(source, VARIABLES, UNFOLDED):
                continue
            # Addresses and what depends on them; sets and complex numbers, which templates get by accident only.
            if want is not None and (' at 0x' in want or ' 0x7f' in want or '<built-in' in want or '<bound method' in want or '<function' in want or '&lt;built-in' in want or ' AT 0X' in want.upper() or re.search(r'set\(\)|^\{[^:]+\}$|\dj\)', want) or re.search(r'(-|[<>]=?) \(?d\.(items|keys)\(\)|d\.(items|keys)\(\)\)? (-|[<>]=?)', source)):
                continue
            cases.append([source, want])
        out[name] = cases
    with open(os.path.join(FIXTURES, 'expressions.json'), 'w') as file:
        json.dump({'now': NOW.isoformat(), 'variables': VARIABLES, 'sections': out}, file, ensure_ascii=False, separators=(',', ':'))
    print({name: (len(cases), sum(want is None for _, want in cases)) for name, cases in out.items()})


# --- conversations -------------------------------------------------------------------------------------------------

def call(name, arguments, id='abc123def'):
    return {'id': id, 'type': 'function', 'function': {'name': name, 'arguments': arguments}}


SYSTEM = {'role': 'system', 'content': ' Be brief. '}
HI = {'role': 'user', 'content': 'Hi'}
TOOLS = [
    {'type': 'function', 'function': {'name': 'get_weather', 'description': "Tells the weather; units aren't kept.", 'parameters': {'type': 'object', 'properties': {
        'place': {'type': 'string', 'description': 'City, like "Zürich"'}, 'unit': {'type': 'string', 'enum': ['C', 'F'], 'default': 'C'}, 'days': {'type': 'integer', 'default': 1},
        'filters': {'type': 'array', 'items': {'type': 'object', 'properties': {'key': {'type': 'string'}, 'value': {'type': ['string', 'null']}}, 'required': ['key']}},
        'any': {'oneOf': [{'type': 'number'}, {'type': 'array', 'items': {'type': 'integer'}}]}}, 'required': ['place']}, 'return': {'type': 'object', 'additionalProperties': {'type': 'number'}}}},
    {'type': 'function', 'function': {'name': 'now', 'description': 'The time', 'parameters': {'type': 'object', 'properties': {}}}},
]
CONVERSATIONS = {
    'a question': [HI],
    'with a system prompt': [SYSTEM, HI],
    'three turns': [HI, {'role': 'assistant', 'content': ' Hello. '}, {'role': 'user', 'content': '  How are you?\n'}],
    'ends with an answer': [SYSTEM, HI, {'role': 'assistant', 'content': 'Hello.\n'}],
    'reasoning apart': [HI, {'role': 'assistant', 'content': 'Four.', 'reasoning_content': '2 + 2\n', 'thinking': '2 + 2\n'}, {'role': 'user', 'content': 'And 3 + 3? /no_think'}, {'role': 'assistant', 'content': 'Six.', 'reasoning_content': 'Hm.', 'thinking': 'Hm.'}],
    'reasoning in the text': [SYSTEM, HI, {'role': 'assistant', 'content': '<think>\nHm, <b>what</b>?\n</think>\n\nWell.'}, {'role': 'user', 'content': 'So?'}, {'role': 'assistant', 'content': '<think>a</think>b</think>c'}],
    'a call': [SYSTEM, HI, {'role': 'assistant', 'content': '', 'tool_calls': [call('get_weather', {'place': 'Zürich', 'days': 3, 'filters': [{'key': 'a', 'value': None}], 'any': 1.5})]}],
    'a call and its result': [HI, {'role': 'assistant', 'content': 'Let me see.', 'tool_calls': [call('get_weather', {'place': 'Zürich "old"', 'unit': "it's C"})]}, {'role': 'tool', 'name': 'get_weather', 'tool_call_id': 'abc123def', 'content': '{"t": 21.5, "ok": true}'}],
    'two calls and an answer': [SYSTEM, HI, {'role': 'assistant', 'content': None, 'reasoning_content': 'Both.', 'tool_calls': [call('get_weather', {'place': 'Ulm'}), call('now', {}, 'xyz987uvw')]},
                                {'role': 'tool', 'tool_call_id': 'abc123def', 'content': 'rain'}, {'role': 'tool', 'tool_call_id': 'xyz987uvw', 'content': '12:00'}, {'role': 'assistant', 'content': 'Rain, at noon.'}, {'role': 'user', 'content': 'Thanks!'}],
    'arguments as text': [HI, {'role': 'assistant', 'tool_calls': [call('now', '{"zone": "UTC"}', 'short')]}, {'role': 'tool', 'content': {'time': '12:00', 'list': [1, True, None]}}],
    'two questions in a row': [HI, {'role': 'user', 'content': 'Hello?'}],
    'begins with an answer': [{'role': 'assistant', 'content': 'Hello!'}, HI],
    'a system prompt in between': [HI, {'role': 'assistant', 'content': 'Yes?'}, SYSTEM, {'role': 'user', 'content': 'Go on.'}],
    'only a system prompt': [SYSTEM],
    'parts': [{'role': 'system', 'content': [{'type': 'text', 'text': 'Look.'}]}, {'role': 'user', 'content': [{'type': 'image'}, {'type': 'text', 'text': ' What is it? '}]}],
    'empty texts': [{'role': 'system', 'content': ''}, {'role': 'user', 'content': ''}, {'role': 'assistant', 'content': ''}, {'role': 'user', 'content': ' '}],
    'hard texts': [{'role': 'system', 'content': '<|im_end|>\r\n{{ x }}{% if %}\t"\'\\ 👍🏽 Σ ß'}, {'role': 'user', 'content': 'a\u2028b\x1fc\x85d\xa0 <tool_response>x</tool_response>'}, {'role': 'assistant', 'content': '\n\n```py\nprint("x")\n```\n'}, {'role': 'user', 'content': '<tool_response>x</tool_response>'}],
    'nothing': [],
}
#: With each: whether an answer is to come, tools, and variables of the caller.
WAYS = [
    (True, None, {}), (False, None, {}), (True, TOOLS, {}), (True, None, {'enable_thinking': False, 'thinking': True, 'reasoning_effort': 'high', 'controls': {'citations': True}, 'documents': [{'title': 'One', 'text': 'First.'}, {'text': 'Second.'}]}),
    (True, TOOLS, {'tools_in_user_message': False, 'builtin_tools': ['now', 'code_interpreter'], 'date_string': 'today', 'enable_thinking': True, 'xml_tools': [], 'python_tools': ['def f(): ...'], 'model_identity': 'You are windrow.'}),
]


def write_conversations():
    folder = os.path.join(FIXTURES, 'templates')
    results = {}
    for file in sorted(os.listdir(folder)):
        with open(os.path.join(folder, file), newline='') as source:
            template = source.read()
        results[file] = {name: [render(template, {'bos_token': '<s>', 'eos_token': '</s>', 'unk_token': '<unk>', 'messages': messages, 'tools': tools, 'documents': None, 'add_generation_prompt': ends, **more}) for ends, tools, more in WAYS] for name, messages in CONVERSATIONS.items()}
    with open(os.path.join(FIXTURES, 'conversations.json'), 'w') as file:
        json.dump({'now': NOW.isoformat(), 'conversations': CONVERSATIONS, 'ways': WAYS, 'results': results}, file, ensure_ascii=False, separators=(',', ':'))
    print({file: (sum(text is not None for texts in cases.values() for text in texts), sum(text is None for texts in cases.values() for text in texts)) for file, cases in results.items()})


if __name__ == '__main__':
    write_expressions()
    write_conversations()
