"""Invented people of 25 locales: what they are called, where they live, how they write; made up, or common names.

Many of the English ones are ordinary words, on purpose: Rose, Hope, Grant, Price, Field, Page.
"""

# ruff: noqa: E501

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Locale:
    """Given names, family names and streets, one space apart; the way a telephone number begins."""

    given: str
    family: str
    streets: str
    dial: str


LOCALES: Mapping[str, Locale] = {
    "en_US": Locale("Rose Hope Grant Summer Bill Mark Faith Dale", "Price Field Page Banks Story Power Young Best", "Main Park Lake Hill", "+1 415 555 "),
    "en_GB": Locale("Olive Daisy Will Art Grace Ivy Rich Pat", "Rivers Marsh Wells Stone Bishop Weeks Frost Cross", "High Mill Church Green", "+44 20 7946 "),
    "en_IN": Locale("Aarav Diya Ishaan Kavya Rohan Meera Vihaan Anaya", "Sharma Patel Reddy Iyer Nair Gupta Das Bose", "Gandhi Nehru Tilak Station", "+91 98200 "),
    "de_DE": Locale("Jörg Käthe Björn Änne Heinz Ute Götz Wolke", "Müller Groß Schröder König Vogel Sommer Kühn Richter", "Haupt Garten Berg Linden", "+49 176 555"),
    "de_AT": Locale("Leopold Sissi Franz Mitzi Alois Resi Poldi Vroni", "Gruber Huber Steiner Moser Hofer Leitner Egger Wimmer", "Ring Donau Markt Schloss", "+43 660 555"),
    "fr_FR": Locale("Éloïse Benoît Chloé François Zoé Jérôme Aimée Rémi", "Lefèvre Dubois Legrand Petit Fontaine Moulin Rivière Roi", "Victor Hugo Église Gare", "+33 6 55 "),
    "fr_CA": Locale("Maxime Océane Félix Léa Xavier Noémie Zacharie Maëlle", "Tremblay Gagnon Côté Bouchard Gauthier Morin Lavoie Roy", "Sherbrooke Laurier Érable Lac", "+1 514 555 "),
    "es_ES": Locale("Íñigo Begoña Álvaro Pilar Jesús Concepción Ángel Nuria", "Muñoz Ibáñez Peña Iglesias Molina Castaño Ríos Prado", "Mayor Sol Luna Alcalá", "+34 655 "),
    "es_MX": Locale("Guadalupe Xóchitl Ramón Citlali Cuauhtémoc Lupita Efraín Itzel", "Hernández Zúñiga Nuñez Ortiz Peralta Robles Salinas Vega", "Reforma Juárez Hidalgo Flores", "+52 55 5555 "),
    "pt_BR": Locale("João Conceição Tainá Ubiratã Luís Iara Antônio Jussara", "Gonçalves Araújo Conceição Leitão Magalhães Falcão Rocha Lima", "Paulista Ipanema Flores Mar", "+55 11 95555 "),
    "it_IT": Locale("Niccolò Rosa Ettore Chiara Vittorio Stella Dario Fiore", "Bianchi Rossi Russo Conti Ferrari Greco Marino Costa", "Roma Garibaldi Mazzini Mare", "+39 347 555"),
    "nl_NL": Locale("Joost Marijke Sjoerd Fleur Teun Roos Bram Lotte", "Jansen Bakker Visser Smit Mulder Dekker Kok Meijer", "Dorp Kerk Molen Gracht", "+31 6 5555"),
    "sv_SE": Locale("Åke Märta Örjan Linnéa Göran Saga Björn Solveig", "Åkesson Öberg Sjöström Lindqvist Hägg Nyström Falk Berg", "Stor Kungs Skogs Sjö", "+46 70 555 "),
    "da_DK": Locale("Søren Åse Jørgen Kirsten Bjørn Mette Øjvind Astrid", "Sørensen Møller Kjær Østergaard Holm Bjerg Krogh Friis", "Nørre Vester Havne Skov", "+45 55 "),
    "fi_FI": Locale("Väinö Päivi Yrjö Äiti Seppo Kyllikki Jääskö Aino", "Mäkinen Hämäläinen Järvinen Nyman Koski Niemi Lahti Rinne", "Kauppa Metsä Ranta Tehdas", "+358 40 555"),
    "pl_PL": Locale("Łukasz Żaneta Świętosław Grażyna Wojciech Bożena Zdzisław Jadwiga", "Wiśniewski Dąbrowska Wójcik Kamiński Żak Gołąb Lis Kruk", "Długa Krótka Polna Leśna", "+48 555 "),
    "cs_CZ": Locale("Jiří Žofie Ondřej Růžena Zdeněk Běla Vojtěch Šárka", "Dvořák Černý Procházka Kučera Němec Říha Král Šťastný", "Dlouhá Nová Školní Zámecká", "+420 605 "),
    "tr_TR": Locale("Çağla Şükrü Ömer Gül Işık Ümit Deniz Güneş", "Yılmaz Öztürk Çelik Şahin Yıldız Kaya Demir Aslan", "Atatürk Cumhuriyet Gül Deniz", "+90 532 555 "),
    "el_GR": Locale("Ελένη Γιώργος Χρυσάνθη Σωτήρης Ειρήνη Νίκος Ελπίδα Άγγελος", "Παπαδόπουλος Νικολάου Γεωργίου Κωνσταντίνου Οικονόμου Ιωάννου Δήμου Μακρής", "Ερμού Σταδίου Αθηνάς Ακαδημίας", "+30 694 555 "),
    "ru_RU": Locale("Жанна Любовь Надежда Вера Слава Юрий Фёдор Роза", "Кузнецова Щукин Ёлкина Воробьёв Соловей Медведев Зайцев Царёв", "Ленина Мира Садовая Лесная", "+7 916 555-"),
    "uk_UA": Locale("Їжак Ґалина Олексій Надія Віра Любов Юрій Зоряна", "Шевченко Ґудзь Їжакевич Коваль Мельник Бойко Лисенко Гончар", "Хрещатик Садова Шкільна Миру", "+380 50 555 "),
    "he_IL": Locale("נועה אביב שלום רוזה יעל דניאל אור תקווה", "כהן לוי מזרחי פרץ ביטון דהן אברהם פרידמן", "הרצל בגין רוטשילד יפו", "+972 54 555 "),
    "ar_EG": Locale("محمد فاطمة نور أمل ياسمين أحمد سلام وردة", "السيد حسن المصري عبدالله إبراهيم خليل منصور سالم", "التحرير النيل الهرم رمسيس", "+20 100 555 "),
    "zh_CN": Locale("小明 秀英 建国 玫瑰 希望 春花 志强 平安", "王 李 张 刘 陈 杨 赵 欧阳", "人民 中山 解放 和平", "+86 138 5555 "),
    "ja_JP": Locale("さくら 太郎 花子 ひかり 健一 のぞみ 大輔 薔薇", "佐藤 鈴木 高橋 田中 渡辺 伊藤 山本 小林", "本町 中央 緑 桜", "+81 90 5555 "),
}  # fmt: skip

NUMBERS: Mapping[str, str] = {
    "en_US": "###-##-####", "en_GB": "AA######A", "en_IN": "#### #### ####", "de_DE": "## ######A###", "de_AT": "#### ######",
    "fr_FR": "# ## ## ## ### ###", "fr_CA": "### ### ###", "es_ES": "########A", "es_MX": "AAAA######AAAAAA##", "pt_BR": "###.###.###-##",
    "it_IT": "AAAAAA##A##A###A", "nl_NL": "####.##.###", "sv_SE": "######-####", "da_DK": "######-####", "fi_FI": "######-###A",
    "pl_PL": "###########", "cs_CZ": "######/####", "tr_TR": "###########", "el_GR": "AA######", "ru_RU": "###-###-### ##",
    "uk_UA": "##########", "he_IL": "#########", "ar_EG": "##############", "zh_CN": "#################X", "ja_JP": "#### #### ####",
}  # fmt: skip
"""How the number looks by which an office knows a person; # is a digit, A a letter."""
TOWNS: Mapping[str, str] = {
    "en_US": "Hopewell Liberty", "en_GB": "Bath Reading", "en_IN": "Nagpur Indore", "de_DE": "Köln Essen", "de_AT": "Graz Mödling",
    "fr_FR": "Orléans Béziers", "fr_CA": "Lévis Québec", "es_ES": "Cádiz León", "es_MX": "Mérida Querétaro", "pt_BR": "Goiânia Maceió",
    "it_IT": "Forlì Cantù", "nl_NL": "Delft Hoorn", "sv_SE": "Växjö Umeå", "da_DK": "Køge Hjørring", "fi_FI": "Jyväskylä Kemi",
    "pl_PL": "Łódź Toruń", "cs_CZ": "Kolín Třebíč", "tr_TR": "Çorum Iğdır", "el_GR": "Βόλος Πάτρα", "ru_RU": "Тверь Орёл",
    "uk_UA": "Суми Їжівці", "he_IL": "חיפה יבנה", "ar_EG": "طنطا أسوان", "zh_CN": "苏州 大连", "ja_JP": "京都 仙台",
}  # fmt: skip
WORDS = "project picture export session labels member import folder worker input model limit shared quota storage"
"""Passwords and nicknames that are ordinary words, and words of the product's own source."""
